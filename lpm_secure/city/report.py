"""What a city run shows: stages, infections, admissions and deaths."""

import platform
from pathlib import Path
from typing import Any, Final

import msgspec
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.city.config import CityConfig
from lpm_secure.city.folder import FIGURES
from lpm_secure.city.run import CityRun
from lpm_secure.city.series import NAMES, CitySeries, Event
from lpm_secure.populations import Population
from lpm_secure.report import html
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.summary import REPORT, Summary, align
from lpm_secure.report.table import both
from lpm_secure.report.versions import versions
from protocols.models.course import CourseStage

STAGES: Final = {
    CourseStage.S: ("susceptible", "#4477aa"),
    CourseStage.E: ("exposed", "#ccbb44"),
    CourseStage.A: ("asymptomatic", "#ee99aa"),
    CourseStage.M: ("mild", "#ee6677"),
    CourseStage.H: ("in hospital", "#aa3377"),
    CourseStage.R: ("recovered", "#228833"),
    CourseStage.D: ("dead", "#222222"),
}
COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
MOST: Final = len(COLOURS)  # places that are drawn one by one


def summary_of(config: CityConfig, population: Population, run: CityRun, folder: Path) -> Summary:
    """Return what a run yields, in the form that is written into its folder and printed."""
    figures = figures_of(config, population, run)
    parts: list[str | Plot] = [
        html.paragraph("Synthetic agents only; no agent is a person."),
        html.table(_rows(figures)),
        Plot(_plots(run.series)),
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
    series = run.series
    admissions, last = series.of(Event.ADMISSION), series.counts[-1]
    return {
        "run": config.hash,
        "population": population.card.title,
        "sha256_population": population.card.sha256,
        "agents": series.n,
        "days": config.days,
        "seed": config.seed,
        "attack_rate": series.attack_rate,
        "admissions": int(admissions.sum()),
        "admissions_peak": int(admissions.max()),
        "admissions_peak_day": int(admissions.argmax()),
        "deaths": int(last[CourseStage.D]),
        "backend": config.engine.backend,
        "seconds_start": run.start_s,
        "seconds_days": run.days_s,
        "resumed_from": run.resumed_from,
        "sha256": series.hash,
        "versions": versions(),
        "machine": platform.platform(),
        "config": msgspec.to_builtins(config),
    }


def lines_of(figures: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Return what is printed at the end of a run."""
    return align([*_rows(figures), ("report", str(folder / REPORT))])


def _rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the table that ends a run: what was measured, in words, and its value."""
    rows = [
        ("population", figures["population"]),
        ("days", f"{figures['days']:,}"),
        ("attack rate", f"{figures['attack_rate']:.1%}"),
        ("hospital admissions", f"{figures['admissions']:,}"),
        ("most in a day", f"{figures['admissions_peak']:,} on day {figures['admissions_peak_day']}"),
        ("deaths", f"{figures['deaths']:,}"),
        ("back end", figures["backend"]),
        ("seconds to draw the agents", f"{figures['seconds_start']:.1f}"),
        ("seconds for the days", f"{figures['seconds_days']:.1f}"),
    ]
    if figures["resumed_from"] is not None:
        rows.append(("gone on from day", str(figures["resumed_from"])))
    return [*rows, ("series", figures["sha256"])]


def _plots(series: CitySeries) -> Any:
    """Return the stages, and each kind of event by place."""
    titles = ["stages", *(f"{name} a day" for name in NAMES.values())]
    figure = make_subplots(rows=2, cols=2, subplot_titles=titles, vertical_spacing=0.12)
    days = list(range(len(series.counts)))
    for stage, (name, colour) in STAGES.items():
        line = go.Scatter(x=days, y=series.counts[:, stage].tolist(), name=name, line={"color": colour})
        figure.add_trace(line, row=1, col=1)
    by_place = 1 < len(series.places) <= MOST
    for event in Event:
        at = {"row": (event + 1) // 2 + 1, "col": (event + 1) % 2 + 1}
        for place, name in enumerate(series.places if by_place else ("city",)):
            values = series.events[:, place, event] if by_place else series.of(event)
            bars = go.Bar(
                x=days,
                y=values.tolist(),
                name=name,
                legendgroup=name,
                showlegend=by_place and event == Event.INFECTION,
                marker_color=COLOURS[place],
            )
            figure.add_trace(bars, **at)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    figure.update_layout(height=820, template="plotly_white", barmode="stack", hovermode="x unified")
    return figure
