"""Sensitivities for people: a table for a terminal, and tornado plots that open without a network."""

import html
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots
from rich.table import Column, Table

from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
from lpm_secure.gradients.problem.theta import NAMES
from lpm_secure.run.report import STYLE

MORE: Final = "#ee6677"
LESS: Final = "#4477aa"
WIDE: Final = 1.96  # standard errors on either side of a 95 % interval
ACROSS: Final = 3  # plots in a row
HEIGHT: Final = 260  # pixels of a row


def table_of(found: Sensitivity) -> Table:
    """Return the effect of a tenth more of each parameter on each output, with its standard error."""
    right = [Column(name, justify="right", no_wrap=True) for name in NAMES]
    title = f"{found.problem.name}: effect of 10 % more of each parameter ({found.found.seeds:,} runs)"
    table = Table("output", Column("expected", justify="right"), *right, title=title)
    for o, output in enumerate(found.problem.outputs.names):
        cells = [f"{effect:+.3g} ±{error:.1g}" for effect, error in (found.effect(o, p) for p in range(len(NAMES)))]
        table.add_row(output, f"{found.expected[o]:.4g}", *cells)
    return table


def write_page(found: Sensitivity, path: Path) -> None:
    """Write the tornado plots, one for each output, with 95 % Monte-Carlo intervals."""
    plot = pio.to_html(_figure(found), include_plotlyjs=True, full_html=False, config={"displaylogo": False})
    title = f"Sensitivities of {html.escape(found.problem.name)}"
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><p>{html.escape(found.problem.source)}; {found.found.seeds:,} runs. A bar is the effect, to "
        "first order, of 10 % more of a parameter on the expected output; for reduction and efficacy, of 10 % of what "
        f"they leave. Lines are 95 % Monte-Carlo intervals.</p>{plot}</html>",
        encoding="utf-8",
    )


def _figure(found: Sensitivity) -> Any:
    names = found.problem.outputs.names
    rows = -(-len(names) // ACROSS)
    titles = [f"{name}: {value:.4g}" for name, value in zip(names, found.expected, strict=True)]
    figure = make_subplots(
        rows=rows, cols=ACROSS, subplot_titles=titles, vertical_spacing=0.35 / rows, horizontal_spacing=0.1
    )
    for o in range(len(names)):
        figure.add_trace(_bars(found, o), row=o // ACROSS + 1, col=o % ACROSS + 1)
    figure.update_layout(height=HEIGHT * rows + 60, template="plotly_white", showlegend=False)
    figure.update_annotations(font_size=13)
    return figure


def _bars(found: Sensitivity, output: int) -> Any:
    """Return one output's bars, the longest on top."""
    effects = [(*found.effect(output, p), name) for p, name in enumerate(NAMES)]
    effects.sort(key=lambda each: abs(each[0]))
    value, error, name = zip(*effects, strict=True)
    return go.Bar(
        x=value,
        y=name,
        orientation="h",
        marker_color=[MORE if each > 0 else LESS for each in value],
        error_x={"type": "data", "array": [WIDE * each for each in error], "color": "#444"},
    )
