"""A population's card for people: a page of plots and tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.data.nyc_tables import BANDS
from lpm_secure.populations.card import Card, Marginal, PlotSeries
from lpm_secure.populations.outbreak import OutbreakComparison
from lpm_secure.populations.show_check import record_parts
from lpm_secure.report.page import Page, Plot
from protocols.report import html

FOUND: Final = "#4477aa"
TABLE: Final = "#ccbb44"
BAD: Final = "#ee6677"
MARGINALS: Final = ("against the tables", "cells", "largest distance", "median", "allowed", "held")


def page_path(path: Path) -> Path:
    """Return where the page of plots of a population lies: next to it."""
    return path.with_name(f"{path.name}.html")


def page_of(card: Card, record: OutbreakComparison | None = None) -> Page:
    """Return the page of plots, with the record of a check where there was one."""
    parts: list[str | Plot] = [
        html.table((name, number(value)) for name, value in card.counts.items()),
        html.paragraph("Blue: the population. Yellow: the table."),
        Plot(_figure(card)),
    ]
    if card.marginals:
        broken = [place for place, each in enumerate(card.marginals) if not each.held]
        rows = map(marginal_cells, card.marginals)
        parts += [html.heading("Marginals"), html.table(rows, head=MARGINALS, broken=broken)]
    if record:
        parts += record_parts(record)
    parts += [html.heading("How it was made"), html.items(card.notes), html.digest("SHA-256", card.sha256)]
    return Page(card.title, parts)


def number(value: float) -> str:
    """Return a count in words for people."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3f}"


def marginal_cells(marginal: Marginal) -> tuple[str, ...]:
    """Return a marginal as the fields of a row."""
    allowed = "told only" if marginal.allowed is None else f"{marginal.allowed:g}"
    held = "" if marginal.allowed is None or not marginal.cells else "yes" if marginal.held else "NO"
    error = f"{marginal.error:.2g} {marginal.unit}"
    return marginal.name, f"{marginal.cells:,}", error, f"{marginal.typical:.2g}", allowed, held


def _figure(card: Card) -> Any:
    """Return all plots that the card has numbers for, two in a row."""
    panels = [(name, _panel_of(name)) for name in card.series]
    titles = [name for name, _ in panels] + (["marginal errors"] if card.marginals else [])
    titles += ["community cells: contacts a day, before shares of ages"] if card.rate else []
    rows = -(-len(titles) // 2)
    figure = make_subplots(rows=rows, cols=2, subplot_titles=titles, vertical_spacing=0.25 / max(rows, 1))
    for place, (name, draw) in enumerate(panels):
        for trace in draw(card.series[name]):
            figure.add_trace(trace, row=place // 2 + 1, col=place % 2 + 1)
        if name in ("school size", "workplace size"):
            figure.update_yaxes(type="log", row=place // 2 + 1, col=place % 2 + 1)
    extra = len(panels)
    if card.marginals:
        figure.add_trace(_errors(card.marginals), row=extra // 2 + 1, col=extra % 2 + 1)
        figure.update_xaxes(type="log", row=extra // 2 + 1, col=extra % 2 + 1)
        extra += 1
    if card.rate:
        heat = go.Heatmap(z=card.rate, x=list(BANDS), y=list(BANDS), colorscale="Viridis", showscale=False)
        figure.add_trace(heat, row=extra // 2 + 1, col=extra % 2 + 1)
    figure.update_layout(height=380 * rows, template="plotly_white", bargap=0.1, showlegend=False, barmode="overlay")
    return figure


def _panel_of(name: str) -> Callable[[PlotSeries], list[Any]]:
    if name == "age":
        return _pyramid
    return _scatter if "NTA" in name or name == "workers" else _bars


def _pyramid(series: PlotSeries) -> list[Any]:
    """Return the population to the right, and the table to the left where there is one."""
    right = go.Bar(y=series.x, x=series.found, orientation="h", name="population", marker_color=FOUND)
    if series.table is None:
        return [right]
    left = [-value for value in series.table]
    told = [f"{value:,.0f}" for value in series.table]
    return [right, go.Bar(y=series.x, x=left, orientation="h", name="table", marker_color=TABLE, hovertext=told)]


def _bars(series: PlotSeries) -> list[Any]:
    return [go.Bar(x=series.x, y=series.found, name="population", marker_color=FOUND)]


def _scatter(series: PlotSeries) -> list[Any]:
    """Return the population over the table, with the line on which they agree."""
    table = series.table or series.found
    ends = [min(table, default=0), max(table, default=1)]
    dots = go.Scatter(x=table, y=series.found, text=series.x, mode="markers", marker={"color": FOUND, "size": 5})
    return [dots, go.Scatter(x=ends, y=ends, mode="lines", line={"color": TABLE}, hoverinfo="skip")]


def _errors(marginals: list[Marginal]) -> Any:
    """Return what each marginal is off by, on a log scale; 0 is drawn at one in a million."""
    colours = [FOUND if each.held else BAD for each in marginals]
    values = [max(each.error, 1e-6) for each in marginals]
    told = [f"{each.name}: {each.error:.3g} {each.unit}" for each in marginals]
    names = [each.name.replace(", against", "<br>against") for each in marginals]
    return go.Bar(x=values, y=names, orientation="h", marker_color=colours, hovertext=told, hoverinfo="text")
