"""The record of a check for people: a table for a terminal, and a plot for a population's page."""

import html
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from rich.table import Column, Table

from lpm_secure.populations.outbreak import FACTOR, OutbreakComparison

MODEL = "#4477aa"
DATA = "#ccbb44"


def rows_of(record: OutbreakComparison) -> list[tuple[str, str]]:
    """Return the figures: ratios first."""
    held = "yes" if record.held else "NO"
    return [
        ("total, model over data", f"{record.total:.2f} ({sum(record.model):,.0f} over {sum(record.data):,.0f})"),
        ("highest week, model over data", f"{record.peak:.2f}"),
        (f"both within a factor of {FACTOR:g}", held),
        *record.told.items(),
    ]


def record_table(record: OutbreakComparison) -> Table:
    """Return the record as a table."""
    table = Table("check", Column(record.title), box=None, show_header=False, title=record.title)
    for name, value in rows_of(record):
        table.add_row(name, value)
    for note in record.notes:
        table.add_row("source", note)
    return table


def record_page(record: OutbreakComparison) -> str:
    """Return the record as a part of a page: its plot, figures and sources."""
    figure: Any = go.Figure()
    figure.add_trace(go.Scatter(x=record.dates, y=record.data, mode="markers", name="data", marker_color=DATA))
    figure.add_trace(go.Scatter(x=record.dates, y=record.model, name="model", line={"color": MODEL}))
    figure.update_layout(height=380, template="plotly_white", hovermode="x unified")
    figure.update_yaxes(title_text="a day", rangemode="tozero")
    plot = pio.to_html(figure, include_plotlyjs=False, full_html=False, config={"displaylogo": False})
    cells = [(html.escape(name), html.escape(value)) for name, value in rows_of(record)]
    table = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in cells)
    notes = "".join(f"<li>{html.escape(note)}" for note in record.notes)
    return f"<h2>{html.escape(record.title)}</h2>{plot}<table>{table}</table><ul>{notes}</ul>"
