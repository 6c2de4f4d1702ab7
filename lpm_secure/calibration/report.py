"""What a calibration shows: posterior, fit of each institution with bands, forecast, scores and ledger."""

from pathlib import Path
from typing import Any, Final

import msgspec
from plotly.subplots import make_subplots

from lpm_secure.calibration.figures import JSON, figures, in_order, lines_of, spending, tables
from lpm_secure.calibration.forecasts.bands import Rows
from lpm_secure.calibration.forecasts.plots import draw_bands, draw_values, events_plot, posterior_plot
from lpm_secure.calibration.job import CalibrationResult
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.run_parts import settings_part
from lpm_secure.report.summary import REPORT, Summary
from protocols.quantity import quantity
from protocols.report import html

COLUMNS: Final = 4
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
    study, found = result.study, result.forecast
    return [
        html.paragraph(result.study.data.title),
        html.warning(LIMITS),
        html.heading("Forecast"),
        html.records(in_order(result.scores)) if result.scores else html.paragraph(UNKNOWN),
        Plot(events_plot(study.periods, found.events_a_day, study.data.events_a_day, fitted=study.fitted)),
        html.heading("Posterior"),
        Plot(posterior_plot(found.parameters, study.course.places, study.periods)),
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
        parts.append(html.paragraph(f"{quantity(fit.discarded, 'round')} gave no sum, and changed nothing."))
    return parts


def _institutions(result: CalibrationResult) -> Any:
    study, names = result.study, result.study.names
    rows = -(-len(names) // COLUMNS)
    figure = make_subplots(rows=rows, cols=COLUMNS, subplot_titles=names, vertical_spacing=0.3 / rows)
    for index, name in enumerate(names):
        place = {"row": index // COLUMNS + 1, "col": index % COLUMNS + 1}
        draw_bands(figure, list(study.periods), result.forecast.institutions[name], place)
        draw_values(figure, study.periods, study.data.series[index].exact, place, fitted=study.fitted)
    figure.update_layout(height=190 * rows, template="plotly_white")
    return figure
