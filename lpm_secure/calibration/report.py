"""What a calibration shows: posterior, fit of each institution with bands, forecast, scores and ledger."""

from pathlib import Path
from typing import Any, Final

import msgspec
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from client_sdk.private.table import F64
from lpm_secure.calibration.figures import JSON, Rows, figures, in_order, labels_of, lines_of, spending, tables
from lpm_secure.calibration.job import CalibrationResult, bands
from lpm_secure.report import html
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.run_parts import settings_part
from lpm_secure.report.summary import REPORT, Summary

COLUMNS: Final = 4
BAND, LINE, COUNT, KEPT_BACK = "rgba(68,119,170,0.25)", "#4477aa", "#222222", "#ee6677"
UNKNOWN: Final = "No value is known of what is forecast."
LIMITS: Final = (
    "This report is made by a testbed that plays all parties, so it shows every institution's series. In a deployment "
    "an institution's row stays with it; others see the posterior, the ledger and the names of who was left out. "
    "The level in all places rests on the shares of institutions and on priors: their series alone do not tell it."
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
        html.paragraph(result.study.data.title),
        html.warning(LIMITS),
        html.heading("Forecast"),
        html.records(in_order(result.scores)) if result.scores else html.paragraph(UNKNOWN),
        Plot(_events(result)),
        html.heading("Posterior"),
        Plot(_posterior(result)),
        html.heading("Institutions"),
        html.paragraph("Band: 50 % and 90 % of draws. Black: fitted values; red: kept back."),
        Plot(_institutions(result)),
        html.heading("Ledger"),
        html.table(spending(result).items(), head=("what", "value")),
        html.heading("Left out"),
        *_faults(result),
        *([html.heading("What noise costs"), html.records(noise)] if noise else []),
        settings_part(msgspec.to_builtins(result.config)),
    ]


def _faults(result: CalibrationResult) -> list[str]:
    fit = result.fit
    rows = [
        {"institution": name, "rounds without it": fit.absences.get(name, 0), "for garbage": fit.refusals.get(name, 0)}
        for name in sorted({*fit.absences, *fit.refusals})
    ]
    parts = [html.records(rows) if rows else html.paragraph("No institution, in no round.")]
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


def _values(figure: Any, result: CalibrationResult, truth: F64, place: dict[str, int]) -> None:
    w = result.study.fitted
    for periods, colour in ((slice(0, w), COUNT), (slice(w, None), KEPT_BACK)):
        dots = {"mode": "markers", "marker": {"color": colour, "size": 4}, "showlegend": False, "name": "value"}
        figure.add_trace(go.Scatter(x=list(result.study.periods[periods]), y=truth[periods].tolist(), **dots), **place)


def _events(result: CalibrationResult) -> Any:
    figure, place = make_subplots(rows=1, cols=1), {"row": 1, "col": 1}
    _draw(figure, list(result.study.periods), result.forecast.events_a_day, place)
    if result.study.data.events_a_day is not None:
        _values(figure, result, result.study.data.events_a_day, place)
    title = "events a day in all places, which no institution holds and no fit has seen"
    figure.update_layout(height=360, template="plotly_white", title=title)
    return figure


def _posterior(result: CalibrationResult) -> Any:
    parameters = result.forecast.parameters
    titles = [f"{each.name} by {each.axis}" if each.axis else each.name for each in parameters]
    figure = make_subplots(rows=1, cols=len(parameters), subplot_titles=titles)
    for column, parameter in enumerate(parameters, 1):
        labels, draws = labels_of(result, parameter), parameter.values.numpy()
        if parameter.axis == "periods":
            lead = len(labels) - len(result.study.periods)
            _draw(figure, [str(place - lead) for place in range(len(labels))], draws, {"row": 1, "col": column})
            continue
        for label, values in zip(labels, draws.reshape(draws.shape[0], -1).T, strict=True):
            box = go.Box(y=values.tolist(), name=label, boxpoints=False, marker_color=LINE, showlegend=False)
            figure.add_trace(box, row=1, col=column)
    figure.update_layout(height=420, template="plotly_white")
    return figure


def _institutions(result: CalibrationResult) -> Any:
    names = result.study.names
    rows = -(-len(names) // COLUMNS)
    figure = make_subplots(rows=rows, cols=COLUMNS, subplot_titles=names, vertical_spacing=0.3 / rows)
    for index, name in enumerate(names):
        place = {"row": index // COLUMNS + 1, "col": index % COLUMNS + 1}
        _draw(figure, list(result.study.periods), result.forecast.institutions[name], place)
        _values(figure, result, result.study.data.series[index].exact, place)
    figure.update_layout(height=190 * rows, template="plotly_white")
    return figure
