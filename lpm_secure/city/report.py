"""`report.html` of a city run: stages, infections, admissions and deaths, as plots that open without a network."""

import html
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from lpm_secure.city.series import NAMES, CitySeries, Event
from lpm_secure.run.report import STYLE
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


def rows_of(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the table that ends a run: what was measured, in words, and its value."""
    rows = [
        ("population", found["population"]),
        ("days", f"{found['days']:,}"),
        ("attack rate", f"{found['attack_rate']:.1%}"),
        ("hospital admissions", f"{found['admissions']:,}"),
        ("most in a day", f"{found['admissions_peak']:,} on day {found['admissions_peak_day']}"),
        ("deaths", f"{found['deaths']:,}"),
        ("back end", found["backend"]),
        ("seconds to draw the agents", f"{found['seconds_start']:.1f}"),
        ("seconds for the days", f"{found['seconds_days']:.1f}"),
    ]
    if found["resumed_from"] is not None:
        rows.append(("gone on from day", str(found["resumed_from"])))
    return [*rows, ("series", found["sha256"])]


def write(path: Path, name: str, found: dict[str, Any], series: CitySeries) -> None:
    """Write the report."""
    plot = pio.to_html(_plots(series), include_plotlyjs=True, full_html=False, config={"displaylogo": False})
    title = f"Run {html.escape(name)}"
    table = "".join(
        f"<tr><td>{html.escape(key)}</td><td>{html.escape(value)}</td></tr>" for key, value in rows_of(found)
    )
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><p>Synthetic agents only; no agent is a person.</p><table>{table}</table>{plot}</html>",
        encoding="utf-8",
    )


def _plots(series: CitySeries) -> Any:
    """Return the stages, and each kind of event by place."""
    titles = ["stages", *(f"{name} a day" for name in NAMES.values())]
    figure = make_subplots(rows=2, cols=2, subplot_titles=titles, vertical_spacing=0.12)
    days = list(range(len(series.counts)))
    for stage, (name, colour) in STAGES.items():
        line = go.Scatter(x=days, y=series.counts[:, stage].tolist(), name=name, line={"color": colour})
        figure.add_trace(line, row=1, col=1)
    named = 1 < len(series.places) <= MOST
    for event in Event:
        at = {"row": (event + 1) // 2 + 1, "col": (event + 1) % 2 + 1}
        for place, called in enumerate(series.places if named else ("city",)):
            values = series.events[:, place, event] if named else series.of(event)
            bars = go.Bar(
                x=days,
                y=values.tolist(),
                name=called,
                legendgroup=called,
                showlegend=named and event == Event.INFECTION,
                marker_color=COLOURS[place],
            )
            figure.add_trace(bars, **at)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    figure.update_layout(height=820, template="plotly_white", barmode="stack", hovermode="x unified")
    return figure
