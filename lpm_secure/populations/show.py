"""A population's card for people: tables for a terminal, and a page of plots that opens without a network."""

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots
from rich.table import Column, Table

from lpm_secure.data.nyc_tables import BANDS
from lpm_secure.populations.card import Card, Marginal, PlotSeries
from lpm_secure.populations.outbreak import OutbreakComparison
from lpm_secure.populations.show_check import record_page, record_table

FOUND: Final = "#4477aa"
TABLE: Final = "#ccbb44"
BAD: Final = "#ee6677"
STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.3rem 1rem .3rem 0;text-align:left;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}
code{font-size:.85em;word-break:break-all}.broken{background:#fff3cd}
"""


def page_of(path: Path) -> Path:
    """Return where the page of plots of a population lies: next to it."""
    return path.with_name(f"{path.name}.html")


def tables(card: Card, record: OutbreakComparison | None = None) -> list[Table]:
    """Return the card as tables: counts, marginals, columns, and how it was made."""
    counts = Table(card.title, Column("", justify="right"), box=None)
    for name, value in card.counts.items():
        counts.add_row(name, number(value))
    columns = Table("column", "type", Column("MiB", justify="right"), "sha256", "meaning", title="columns", box=None)
    for name, column in card.columns.items():
        columns.add_row(name, column.dtype, f"{column.bytes / 2**20:.1f}", column.sha256[:12], column.meaning)
    made = Table("made", "of", title="origin", box=None)
    made.add_row("seed", "nothing was drawn" if card.seed is None else str(card.seed))
    made.add_row("versions", ", ".join(f"{name} {version}" for name, version in card.versions.items()))
    made.add_row("files", ", ".join(f"{name} ({sha256[:12]})" for name, sha256 in card.data.items()))
    made.add_row("sha256", card.sha256)
    for note in card.notes:
        made.add_row("note", note)
    checked = [record_table(record)] if record else []
    return [counts, *([_marginals(card)] if card.marginals else []), *checked, columns, made]


def write_page(card: Card, path: Path, record: OutbreakComparison | None = None) -> None:
    """Write the page of plots."""
    plots = _figure(card)
    plot = pio.to_html(plots, include_plotlyjs=True, full_html=False, config={"displaylogo": False})
    title = html.escape(card.title)
    counts = "".join(_row((name, number(value))) for name, value in card.counts.items())
    lines = "".join(_row(marginal_cells(each), broken=not each.held) for each in card.marginals)
    head = _row(("against the tables", "cells", "largest distance", "median", "allowed", "held"), tag="th")
    marginals = f"<h2>Marginals</h2><table>{head}{lines}</table>" if card.marginals else ""
    checked = record_page(record) if record else ""
    notes = "".join(f"<li>{html.escape(note)}" for note in card.notes)
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><table>{counts}</table><p>Blue: the population. Yellow: the table.</p>{plot}{marginals}"
        f"{checked}"
        f"<h2>How it was made</h2><ul>{notes}</ul>"
        f"<p>SHA-256 <code>{card.sha256}</code></html>",
        encoding="utf-8",
    )


def number(value: float) -> str:
    """Return a count in words for people."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3f}"


def marginal_cells(marginal: Marginal) -> tuple[str, ...]:
    """Return a marginal as the fields of a row."""
    allowed = "told only" if marginal.allowed is None else f"{marginal.allowed:g}"
    held = "" if marginal.allowed is None or not marginal.cells else "yes" if marginal.held else "NO"
    error = f"{marginal.error:.2g} {marginal.unit}"
    return marginal.name, f"{marginal.cells:,}", error, f"{marginal.typical:.2g}", allowed, held


def _marginals(card: Card) -> Table:
    right = {"justify": "right"}
    table = Table(
        Column("against the tables", ratio=3),
        Column("cells", **right),  # type: ignore[arg-type]
        Column("largest distance", ratio=2),
        Column("median", **right),  # type: ignore[arg-type]
        Column("allowed", **right),  # type: ignore[arg-type]
        "held",
        title="marginals",
        box=None,
    )
    for each in card.marginals:
        table.add_row(*marginal_cells(each), style=None if each.held else "red")
    return table


def _row(cells: tuple[str, ...], *, tag: str = "td", broken: bool = False) -> str:
    inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f"<tr{' class=broken' if broken else ''}>{inner}</tr>"


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
