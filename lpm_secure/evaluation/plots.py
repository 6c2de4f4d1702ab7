"""Plots of an evaluation: scores by origin, how often intervals held, and where values came in forecasts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from client_sdk.private.table import F64
from lpm_secure.evaluation.baselines import HUB
from lpm_secure.evaluation.table import TENTHS, Rows

COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
NOMINAL: Final = {"held50": 0.5, "held90": 0.9}


def origins_plot(rows: Rows) -> Any:
    """Return scores relative to the hub's baseline by origin, a part for each target and horizon."""
    parts, colours = _parts(rows), _colours(rows)
    titles = [f"{target}, {horizon} periods: score relative to {HUB}" for target, horizon in parts]
    figure = make_subplots(rows=len(parts), cols=1, subplot_titles=titles)
    for place, part in enumerate(parts, 1):
        for method, colour in colours.items():
            own = [row for row in rows if (row["target"], row["horizon"], row["method"]) == (*part, method)]
            x, y = [row["origin"] for row in own], [row["relative_to_hub"] for row in own]
            line = go.Scatter(
                x=x,
                y=y,
                name=method,
                legendgroup=method,
                showlegend=place == 1,
                marker_color=colour,
                mode="lines+markers",
            )
            figure.add_trace(line, row=place, col=1)
        figure.update_yaxes(type="log", row=place, col=1)
    figure.update_layout(height=320 * len(parts), template="plotly_white")
    return figure


def coverage_plot(summary: Rows) -> Any:
    """Return how often intervals of 50 % and 90 % held, by target, horizon and half of the origins."""
    figure = make_subplots(rows=1, cols=2, subplot_titles=[f"{level:.0%} intervals" for level in NOMINAL.values()])
    for column, (name, level) in enumerate(NOMINAL.items(), 1):
        for method, colour in _colours(summary).items():
            own = [row for row in summary if row["method"] == method]
            x = [f"{row['target']} {row['horizon']} {row['half']}" for row in own]
            y = [row[f"mean_{name}"] for row in own]
            dots = go.Scatter(
                x=x, y=y, name=method, legendgroup=method, showlegend=column == 1, marker_color=colour, mode="markers"
            )
            figure.add_trace(dots, row=1, col=column)
        figure.add_hline(y=level, line_dash="dot", row=1, col=column)
    figure.update_layout(height=420, template="plotly_white")
    return figure


def transforms_plot(transforms: Mapping[tuple[str, str], F64]) -> Any:
    """Return the probability integral transform of each method: even where its forecasts are right."""
    targets = list(dict.fromkeys(target for target, _ in transforms))
    methods = list(dict.fromkeys(method for _, method in transforms))
    titles = [f"{target}: {method}" for target in targets for method in methods]
    figure = make_subplots(rows=len(targets), cols=len(methods), subplot_titles=titles, shared_yaxes="all")
    x = [(tenth + 0.5) / TENTHS for tenth in range(TENTHS)]
    for (target, method), share in transforms.items():
        place = {"row": targets.index(target) + 1, "col": methods.index(method) + 1}
        figure.add_trace(go.Bar(x=x, y=share.tolist(), marker_color=COLOURS[0], showlegend=False), **place)
        figure.add_hline(y=1 / TENTHS, line_dash="dot", **place)
    figure.update_layout(height=260 * len(targets), template="plotly_white")
    return figure


def _parts(rows: Rows) -> Sequence[tuple[str, int]]:
    return list(dict.fromkeys((row["target"], row["horizon"]) for row in rows))


def _colours(rows: Rows) -> dict[str, str]:
    methods = dict.fromkeys(row["method"] for row in rows)
    return dict(zip(methods, COLOURS, strict=False))
