"""`report.html` of a calibration: posterior, fit of each hospital with bands, forecast, scores and ledger."""

import html
from pathlib import Path
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from lpm_secure.calibration.figures import Rows, in_order, spending
from lpm_secure.calibration.job import Calibrated, bands
from lpm_secure.data.csv_table import F64
from lpm_secure.run.report import STYLE

COLUMNS: Final = 4
BAND, LINE, COUNT, KEPT_BACK = "rgba(68,119,170,0.25)", "#4477aa", "#222222", "#ee6677"
LIMITS: Final = (
    "This report is made by a testbed that plays all parties, so it shows every hospital's counts. In a deployment a "
    "hospital's row stays with it; others see the posterior, the ledger and the names of those who were left out. "
    "The level of the epidemic rests on public beds and the prior of the hospital rate: counts alone do not tell it."
)


def write(path: Path, result: Calibrated, noise: Rows) -> None:
    """Write the report."""
    title = f"Calibration {html.escape(result.config.name)}"
    parts = [
        f"<h1>{title}</h1><p>{html.escape(result.study.title)}</p><p class=warning>{html.escape(LIMITS)}</p>",
        "<h2>Forecast</h2>" + _table(in_order(result.scores)),
        _plot(_city(result), first=True),
        "<h2>Posterior</h2>" + _plot(_posterior(result)),
        "<h2>Hospitals</h2><p>Band: 50 % and 90 % of draws. Black: fitted counts; red: kept back.</p>",
        _plot(_hospitals(result)),
        "<h2>Ledger</h2>" + _table([{"what": key, "value": value} for key, value in spending(result).items()]),
        _faults(result),
    ]
    if noise:
        parts.append("<h2>What noise costs</h2>" + _table(noise))
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"{''.join(parts)}</html>",
        encoding="utf-8",
    )


def _table(rows: Rows) -> str:
    head = "".join(f"<th>{html.escape(key)}</th>" for key in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row.values()) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    shown = "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return html.escape(shown)


def _faults(result: Calibrated) -> str:
    fit = result.fit
    rows = [
        {"hospital": name, "rounds without it": fit.absences.get(name, 0), "for garbage": fit.refusals.get(name, 0)}
        for name in sorted({*fit.absences, *fit.refusals})
    ]
    away = f"<p>{fit.discarded} rounds gave no sum, and changed nothing.</p>" if fit.discarded else ""
    return "<h2>Left out</h2>" + (_table(rows) if rows else "<p>No hospital, in no round.</p>") + away


def _plot(figure: Any, *, first: bool = False) -> str:
    return str(pio.to_html(figure, include_plotlyjs=first, full_html=False, config={"displaylogo": False}))


def _draw(figure: Any, x: list[str], draws: F64, place: dict[str, int]) -> None:
    """Draw bands and median."""
    found = bands(draws)
    for low, high in (("q05", "q95"), ("q25", "q75")):
        given = {"x": x, "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(y=found[high], **given), **place)
        figure.add_trace(go.Scatter(y=found[low], fill="tonexty", fillcolor=BAND, **given), **place)
    median = go.Scatter(x=x, y=found["median"], mode="lines", line={"color": LINE}, showlegend=False, name="median")
    figure.add_trace(median, **place)


def _counts(figure: Any, result: Calibrated, truth: F64, place: dict[str, int]) -> None:
    w, known = result.study.fitted, np.where(truth >= 0, truth, np.nan)
    for weeks, colour in ((slice(0, w), COUNT), (slice(w, None), KEPT_BACK)):
        dots = {"mode": "markers", "marker": {"color": colour, "size": 4}, "showlegend": False, "name": "count"}
        figure.add_trace(go.Scatter(x=list(result.study.weeks[weeks]), y=known[weeks].tolist(), **dots), **place)


def _city(result: Calibrated) -> Any:
    figure, place = make_subplots(rows=1, cols=1), {"row": 1, "col": 1}
    _draw(figure, list(result.study.weeks), result.forecast.admissions, place)
    if result.study.admissions is not None:
        _counts(figure, result, result.study.admissions, place)
    title = "admissions a day in the whole city, which no hospital holds and no fit has seen"
    figure.update_layout(height=360, template="plotly_white", title=title)
    return figure


def _posterior(result: Calibrated) -> Any:
    theta, boroughs = result.forecast.theta, list(result.study.city.boroughs)
    titles = ("contact rate by week, as a reproduction number", "share infected at the start", "hospital rate", "stay")
    figure = make_subplots(rows=1, cols=4, subplot_titles=titles, column_widths=[0.4, 0.24, 0.18, 0.18])
    weeks = [str(week) for week in range(-result.fit.simulator.lead, len(result.study.weeks))]
    _draw(figure, weeks, theta["contact"], {"row": 1, "col": 1})
    for column, (name, labels) in enumerate(
        (("prevalence", boroughs), ("hospital_rate", [""]), ("stay_days", [""])), 2
    ):
        draws = theta[name].reshape(theta[name].shape[0], -1)
        for index, label in enumerate(labels):
            box = go.Box(y=draws[:, index].tolist(), name=label, boxpoints=False, marker_color=LINE, showlegend=False)
            figure.add_trace(box, row=1, col=column)
    figure.update_layout(height=420, template="plotly_white")
    return figure


def _hospitals(result: Calibrated) -> Any:
    names = result.study.names
    rows = -(-len(names) // COLUMNS)
    figure = make_subplots(rows=rows, cols=COLUMNS, subplot_titles=names, vertical_spacing=0.3 / rows)
    for index, name in enumerate(names):
        place = {"row": index // COLUMNS + 1, "col": index % COLUMNS + 1}
        _draw(figure, list(result.study.weeks), result.forecast.hospitals[name], place)
        _counts(figure, result, result.study.series[index], place)
    figure.update_layout(height=190 * rows, template="plotly_white")
    return figure
