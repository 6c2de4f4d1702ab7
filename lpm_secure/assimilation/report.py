"""What an assimilation shows: scores by period, the forecast after the last one, and what was released."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import plotly.graph_objects as go

from client_sdk.private.table import F64
from lpm_secure.assimilation.job import WIS, AssimilationResult, Rows
from lpm_secure.evaluation.scores.quantiles import LEVELS, LOW50, LOW90, MEDIAN
from lpm_secure.report import html
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.run_parts import settings_part
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import csv_of_rows
from protocols.quantity import quantity

JSON, PERIODS, FORECAST = "assimilation.json", "assimilation.csv", "forecast.csv"
PUBLIC: Final = "events a day, all places"
NAMES: Final = dict(zip(WIS, ("institutions", PUBLIC), strict=True))
LIMITS: Final = (
    "Each period's fit begins where the one before has ended, and is told of here by a testbed that plays all parties. "
    "Scores are of what has come since, over the periods that each row says, and are missing where nothing has."
)
BAND: Final = "rgba(68,119,170,0.25)"


def summary_of(result: AssimilationResult, folder: Path) -> Summary:
    """Return what an assimilation yields, in the form that is written into its folder and printed."""
    figures = {
        "config": msgspec.to_builtins(result.config),
        "data": result.data.title,
        "rows": result.rows,
        "ratio_to_refits": {score: result.ratio(score) for score in WIS},
        "rounds": sum(each.rounds for each in result.facts.values()),
        "numbers": max(each.numbers for each in result.facts.values()),
    }
    return Summary(
        file=JSON,
        figures=figures,
        lines=(*_lines(result), "", f"report       {folder / REPORT}"),
        tables={PERIODS: csv_of_rows(result.rows), FORECAST: csv_of_rows(forecast_rows(result))},
        page=Page(f"Assimilation {result.config.name}", _parts(result)),
    )


def forecast_rows(result: AssimilationResult) -> Rows:
    """Return quantiles of what comes after the last period: a row for each series and period."""
    last = max(result.forecasts)
    forecast, names = result.forecasts[last], result.data.names
    each: list[tuple[str, F64]] = list(zip(names, forecast.institutions, strict=True))
    each += [] if forecast.public is None else [(PUBLIC, forecast.public)]
    return [
        {"series": name, "period": result.data.calendar.first_day(last + step).isoformat()}
        | {f"q{level:g}": float(value) for level, value in zip(LEVELS, row, strict=True)}
        for name, own in each
        for step, row in enumerate(own)
    ]


def _lines(result: AssimilationResult) -> Iterator[str]:
    rounds = [each.rounds for each in result.facts.values()]
    yield f"data         {result.data.title}"
    yield f"followed     {quantity(len(rounds), 'period')} in {quantity(sum(rounds), 'round')}"
    numbers = max(each.numbers for each in result.facts.values())
    yield f"released     a sum of up to {numbers} numbers in each round: no noise, no promise"
    yield ""
    yield f"{'period':>6} {'from':>10} {'report':>6} {'rounds':>6} {'WIS':>9} {'50 %':>5} {'90 %':>5} {'refit':>9}"
    for row in result.rows:
        held = " ".join(f"{_shown(row[name], '5.0%'):>5}" for name in ("held50", "held90"))
        yield (
            f"{row['period']:6} {row['first_day']:>10} {row['reports']:6} {row['rounds']:6} "
            f"{_shown(row['wis'], '9.2f'):>9} {held} {_shown(row['wis_refit'], '9.2f'):>9}"
        )
    for score in WIS:
        if (ratio := result.ratio(score)) is not None:
            yield f"against refits, {NAMES[score]}: WIS {ratio:.3f} times theirs (geometric mean)"


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _parts(result: AssimilationResult) -> list[str | Plot]:
    last = max(result.forecasts)
    return [
        html.paragraph(result.data.title),
        html.warning(LIMITS),
        html.heading(f"Forecast after {result.data.calendar.first_day(last - 1)}"),
        Plot(_forecast_plot(result, last)),
        html.heading("Periods"),
        html.records(result.rows),
        settings_part(msgspec.to_builtins(result.config)),
    ]


def _forecast_plot(result: AssimilationResult, last: int) -> Any:
    """Return the forecast of events in all places, or of the institutions' largest series, after what is known."""
    forecast, data, calendar = result.forecasts[last], result.data, result.data.calendar
    place = max(range(len(data.names)), key=lambda each: float(forecast.institutions[each, :, MEDIAN].sum()))
    name, bands = data.labels[place], forecast.institutions[place]
    known = data.series[place].exact
    if forecast.public is not None and data.events_a_day is not None:
        name, bands, known = PUBLIC, forecast.public, data.events_a_day
    days = [calendar.first_day(each).isoformat() for each in range(last + len(bands))]
    x, figure = days[last:], go.Figure()
    hidden = {"x": x, "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    for low in (LOW90, LOW50):
        figure.add_trace(go.Scatter(y=bands[:, -1 - low].tolist(), **hidden))
        figure.add_trace(go.Scatter(y=bands[:, low].tolist(), fill="tonexty", fillcolor=BAND, **hidden))
    figure.add_trace(go.Scatter(x=x, y=bands[:, MEDIAN].tolist(), mode="lines", name="median"))
    y = known[: len(days)].tolist()
    figure.add_trace(go.Scatter(x=days, y=y, mode="markers", name="known", marker_color="#222222"))
    figure.update_layout(height=360, template="plotly_white", title=f"{name}; bands: 50 % and 90 %")
    return figure
