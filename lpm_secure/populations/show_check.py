"""The record of a check for people: figures, and parts of a population's page."""

from typing import Any

import plotly.graph_objects as go

from lpm_secure.populations.outbreak import FACTOR, OutbreakComparison
from lpm_secure.report.page import Plot
from protocols.report import html

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


def record_parts(record: OutbreakComparison) -> list[str | Plot]:
    """Return the record as parts of a page: its plot, figures and sources."""
    figure: Any = go.Figure()
    figure.add_trace(go.Scatter(x=record.dates, y=record.data, mode="markers", name="data", marker_color=DATA))
    figure.add_trace(go.Scatter(x=record.dates, y=record.model, name="model", line={"color": MODEL}))
    figure.update_layout(height=380, template="plotly_white", hovermode="x unified")
    figure.update_yaxes(title_text="a day", rangemode="tozero")
    return [html.heading(record.title), Plot(figure), html.table(rows_of(record)), html.items(record.notes)]
