"""What a calibration shows: posterior, fit of each hospital with bands, forecast, scores and ledger."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from client_sdk.private.table import F64
from lpm_secure.calibration.figures import JSON, Rows, figures, in_order, lines_of, spending, tables
from lpm_secure.calibration.job import CalibrationResult, bands
from lpm_secure.report import html
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary

COLUMNS: Final = 4
BAND, LINE, COUNT, KEPT_BACK = "rgba(68,119,170,0.25)", "#4477aa", "#222222", "#ee6677"
LIMITS: Final = (
    "This report is made by a testbed that plays all parties, so it shows every hospital's counts. In a deployment a "
    "hospital's row stays with it; others see the posterior, the ledger and the names of those who were left out. "
    "The level of the epidemic rests on public beds and the prior of the hospital rate: counts alone do not tell it."
)


def summary_of(result: CalibrationResult, noise: Rows, folder: Path) -> Summary:
    """Return what a calibration yields, in the form that is written into its folder and printed."""
    return Summary(
        file=JSON,
        figures=figures(result) | ({"noise": noise} if noise else {}),
        lines=(*lines_of(result, noise), "", f"report       {folder / REPORT}"),
        tables=tables(result),
        page=Page(f"Calibration {result.config.name}", _parts(result, noise)),
        beside=True,  # lpm amortise puts its own into the same file
    )


def _parts(result: CalibrationResult, noise: Rows) -> list[str | Plot]:
    return [
        html.paragraph(result.study.title),
        html.warning(LIMITS),
        html.heading("Forecast"),
        html.records(in_order(result.scores)),
        Plot(_city(result)),
        html.heading("Posterior"),
        Plot(_posterior(result)),
        html.heading("Hospitals"),
        html.paragraph("Band: 50 % and 90 % of draws. Black: fitted counts; red: kept back."),
        Plot(_hospitals(result)),
        html.heading("Ledger"),
        html.table(spending(result).items(), head=("what", "value")),
        html.heading("Left out"),
        *_faults(result),
        *([html.heading("What noise costs"), html.records(noise)] if noise else []),
    ]


def _faults(result: CalibrationResult) -> list[str]:
    fit = result.fit
    rows = [
        {"hospital": name, "rounds without it": fit.absences.get(name, 0), "for garbage": fit.refusals.get(name, 0)}
        for name in sorted({*fit.absences, *fit.refusals})
    ]
    parts = [html.records(rows) if rows else html.paragraph("No hospital, in no round.")]
    if fit.discarded:
        parts.append(html.paragraph(f"{fit.discarded} rounds gave no sum, and changed nothing."))
    return parts


def _draw(figure: Any, x: list[str], draws: F64, place: dict[str, int]) -> None:
    """Draw bands and median."""
    found = bands(draws)
    for low, high in (("q05", "q95"), ("q25", "q75")):
        given = {"x": x, "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(y=found[high], **given), **place)
        figure.add_trace(go.Scatter(y=found[low], fill="tonexty", fillcolor=BAND, **given), **place)
    median = go.Scatter(x=x, y=found["median"], mode="lines", line={"color": LINE}, showlegend=False, name="median")
    figure.add_trace(median, **place)


def _counts(figure: Any, result: CalibrationResult, truth: F64, place: dict[str, int]) -> None:
    w, known = result.study.fitted, np.where(truth >= 0, truth, np.nan)
    for weeks, colour in ((slice(0, w), COUNT), (slice(w, None), KEPT_BACK)):
        dots = {"mode": "markers", "marker": {"color": colour, "size": 4}, "showlegend": False, "name": "count"}
        figure.add_trace(go.Scatter(x=list(result.study.weeks[weeks]), y=known[weeks].tolist(), **dots), **place)


def _city(result: CalibrationResult) -> Any:
    figure, place = make_subplots(rows=1, cols=1), {"row": 1, "col": 1}
    _draw(figure, list(result.study.weeks), result.forecast.admissions, place)
    if result.study.admissions is not None:
        _counts(figure, result, result.study.admissions, place)
    title = "admissions a day in the whole city, which no hospital holds and no fit has seen"
    figure.update_layout(height=360, template="plotly_white", title=title)
    return figure


def _posterior(result: CalibrationResult) -> Any:
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


def _hospitals(result: CalibrationResult) -> Any:
    names = result.study.names
    rows = -(-len(names) // COLUMNS)
    figure = make_subplots(rows=rows, cols=COLUMNS, subplot_titles=names, vertical_spacing=0.3 / rows)
    for index, name in enumerate(names):
        place = {"row": index // COLUMNS + 1, "col": index % COLUMNS + 1}
        _draw(figure, list(result.study.weeks), result.forecast.hospitals[name], place)
        _counts(figure, result, result.study.series[index], place)
    figure.update_layout(height=190 * rows, template="plotly_white")
    return figure
