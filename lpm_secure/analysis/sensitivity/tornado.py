"""Sensitivities for people: tornado plots, one for each output."""

from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lpm_secure.analysis.sensitivity.sensitivity import Sensitivity
from lpm_secure.report import page as pages
from lpm_secure.report.page import Page, Plot
from lpm_secure.report.public_file import write_public
from lpm_secure.report.table import both
from protocols.report import html

PAGE: Final = "tornado.html"
MORE: Final = "#ee6677"
LESS: Final = "#4477aa"
WIDE: Final = 1.96  # standard errors on either side of a 95 % interval
ACROSS: Final = 3  # plots in a row
HEIGHT: Final = 260  # pixels of a row


def page_of(found: Sensitivity) -> Page:
    """Return the tornado plots, with 95 % Monte-Carlo intervals."""
    text = (
        f"{found.caption}; {found.found.seeds:,} runs. A bar is the effect, to first order, of 10 % more of a "
        "parameter on the expected output; of large probabilities, 10 % of what they leave; of laws of days, 10 % of "
        "their spread. Lines are 95 % Monte-Carlo intervals."
    )
    return Page(f"Sensitivities of {found.problem.name}", [html.paragraph(text), Plot(_figure(found))])


def write(folder: Path, found: Sensitivity) -> None:
    """Write sensitivity.csv and sensitivity.parquet, and the plots as tornado.html, into a folder.

    The script that draws them lies in the folder above, as that of all runs there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in both("sensitivity", found.table()).items():
        write_public(folder / name, table)
    pages.write(folder / PAGE, page_of(found), scripts=folder.absolute().parent)


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
    effects = [(*found.effect(output, p), name) for p, name in enumerate(found.theta.names)]
    effects.sort(key=lambda each: abs(each[0]))
    value, error, name = zip(*effects, strict=True)
    return go.Bar(
        x=value,
        y=name,
        orientation="h",
        marker_color=[MORE if each > 0 else LESS for each in value],
        error_x={"type": "data", "array": [WIDE * each for each in error], "color": "#444"},
    )
