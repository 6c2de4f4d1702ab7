"""What a city run shows: stages, arrivals in them, observables, in the words of its model."""

import platform
from pathlib import Path
from typing import Any, Final

import msgspec
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.city.config import CityConfig
from lpm_secure.city.folder import FIGURES
from lpm_secure.city.run import CityRun
from lpm_secure.city.series import CitySeries
from lpm_secure.models.words import colours_of, departure_words, stage_words
from lpm_secure.populations import Population
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.run_parts import announcement_parts, chance_part, parameter_parts, settings_part
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import both
from lpm_secure.report.versions import versions
from protocols.report import html
from protocols.report.terminal import align

COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
MOST: Final = len(COLOURS)  # places, and kinds of arrivals, that are drawn one by one


def summary_of(config: CityConfig, population: Population, run: CityRun, folder: Path) -> Summary:
    """Return what a run yields, in the form that is written into its folder and printed."""
    figures = figures_of(config, population, run)
    parts: list[str | Plot] = [
        html.paragraph("Synthetic agents only; no agent is a person."),
        html.table(_rows(figures)),
        Plot(_plots(run.series)),
        *announcement_parts(run.series.public, range(len(run.series.counts))),
        chance_part(1),
        *parameter_parts(run.parameters),
        settings_part(msgspec.to_builtins(config)),
    ]
    return Summary(
        file=FIGURES,
        figures=figures,
        lines=lines_of(figures, folder),
        tables=both("series", run.series.table()),
        page=Page(f"Run {config.name}", parts),
    )


def figures_of(config: CityConfig, population: Population, run: CityRun) -> dict[str, Any]:
    """Return everything that a reader of a run may want to compare, as plain values."""
    series, words = run.series, run.series.words
    figures: dict[str, Any] = {
        "run": config.hash,
        "population": population.card.title,
        "sha256_population": population.card.sha256,
        "agents": population.n,
        "days": config.days,
        "seed": config.seed,
        "tally": dict(zip(words.names, series.counts[-1].tolist(), strict=True)),
    }
    if words.stages and (share := departure_words(words.names[0]).share):
        figures[share] = series.departure_share
    for name in words.arrivals.values():
        arrived = series.of(name)
        figures |= {name: int(arrived.sum()), f"{name}_peak": int(arrived.max())}
        figures[f"{name}_peak_day"] = int(arrived.argmax())
    return figures | {
        "backend": config.engine.backend,
        "seconds_start": run.start_s,
        "seconds_days": run.days_s,
        "resumed_from": run.resumed_from,
        "sha256": series.hash,
        "versions": versions(),
        "machine": platform.platform(),
        "config": msgspec.to_builtins(config),
        "words": {"first": words.names[0] if words.stages else "", "arrivals": list(words.arrivals.values())},
    }


def lines_of(figures: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Return what is printed at the end of a run."""
    return align([*_rows(figures), ("report", str(folder / REPORT))])


def _rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the table that ends a run: what was measured, in words, and its value."""
    rows = [("population", figures["population"]), ("days", f"{figures['days']:,}")]
    rows.append(("at the end", ", ".join(f"{name} {total:,}" for name, total in figures["tally"].items())))
    first = departure_words(figures["words"]["first"])
    if first.share in figures:
        rows.append((first.share_once, f"{figures[first.share]:.1%}"))
    for name in figures["words"]["arrivals"]:
        peak = f"at most {figures[f'{name}_peak']:,} in a day, on day {figures[f'{name}_peak_day']}"
        rows.append((name, f"{figures[name]:,}, {peak}"))
    rows += [
        ("back end", figures["backend"]),
        ("seconds to draw the agents", f"{figures['seconds_start']:.1f}"),
        ("seconds for the days", f"{figures['seconds_days']:.1f}"),
    ]
    if figures["resumed_from"] is not None:
        rows.append(("gone on from day", str(figures["resumed_from"])))
    return [*rows, ("series", figures["sha256"])]


def _plots(series: CitySeries) -> Any:
    """Return the stages, each kind of arrival by place, and the observables."""
    words, days = series.words, list(range(len(series.counts)))
    arrivals, observed = list(words.arrivals.values())[:MOST], words.names[words.stages :]
    titles = ["stages", *(f"{name} a day" for name in arrivals), *(["observables"] if observed else [])]
    figure = make_subplots(rows=(len(titles) + 1) // 2, cols=2, subplot_titles=titles, vertical_spacing=0.12)
    shown = [(each.word, each.colour, 0) for each in stage_words(words.names[: words.stages])]
    shown += [(name, colour, len(titles) - 1) for name, colour in zip(observed, colours_of(observed), strict=True)]
    for column, (name, colour, plot) in enumerate(shown):
        line = go.Scatter(x=days, y=series.counts[:, column].tolist(), name=name, line={"color": colour})
        figure.add_trace(line, row=plot // 2 + 1, col=plot % 2 + 1)
    by_place = 1 < len(series.places) <= MOST
    for column, arrival in enumerate(arrivals):
        for place, name in enumerate(series.places if by_place else ("city",)):
            values = series.events[:, place, column] if by_place else series.of(arrival)
            bars = go.Bar(
                x=days,
                y=values.tolist(),
                name=name,
                legendgroup=name,
                showlegend=by_place and column == 0,
                marker_color=COLOURS[place],
            )
            figure.add_trace(bars, row=(column + 1) // 2 + 1, col=(column + 1) % 2 + 1)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    figure.update_layout(
        height=410 * ((len(titles) + 1) // 2), template="plotly_white", barmode="stack", hovermode="x unified"
    )
    return figure
