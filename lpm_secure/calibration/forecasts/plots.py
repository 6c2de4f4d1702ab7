"""Plots of a calibration: events in all places, and the posterior's parameters."""

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from client_sdk.private.table import F64
from lpm_secure.calibration.forecasts.bands import bands, labels_of
from lpm_secure.models.courses.expected_course import CourseParameter

BAND, LINE, COUNT, KEPT_BACK = "rgba(68,119,170,0.25)", "#4477aa", "#222222", "#ee6677"
EVENTS: Final = "events a day in all places, which no institution holds and no fit has seen"


def draw_bands(figure: Any, x: list[str], draws: F64, place: dict[str, int]) -> None:
    """Draw bands and median, of float64[S, periods], into one of a figure's places."""
    found = bands(draws)
    for low, high in (("q05", "q95"), ("q25", "q75")):
        given = {"x": x, "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(y=found[high], **given), **place)
        figure.add_trace(go.Scatter(y=found[low], fill="tonexty", fillcolor=BAND, **given), **place)
    median = go.Scatter(x=x, y=found["median"], mode="lines", line={"color": LINE}, showlegend=False, name="median")
    figure.add_trace(median, **place)


def draw_values(figure: Any, periods: Sequence[str], truth: F64, place: dict[str, int], *, fitted: int) -> None:
    """Draw values, float64[periods], as dots: those that were fitted, and those that were kept back."""
    for part, colour in ((slice(0, fitted), COUNT), (slice(fitted, None), KEPT_BACK)):
        dots = {"mode": "markers", "marker": {"color": colour, "size": 4}, "showlegend": False, "name": "value"}
        figure.add_trace(go.Scatter(x=list(periods[part]), y=truth[part].tolist(), **dots), **place)


def events_plot(periods: Sequence[str], draws: F64, known: F64 | None, *, fitted: int) -> Any:
    """Return events a day in all places, float64[S, periods], and what is known of them."""
    figure, place = make_subplots(rows=1, cols=1), {"row": 1, "col": 1}
    draw_bands(figure, list(periods), draws, place)
    if known is not None:
        draw_values(figure, periods, known, place, fitted=fitted)
    figure.update_layout(height=360, template="plotly_white", title=EVENTS)
    return figure


def posterior_plot(parameters: Sequence[CourseParameter], places: Sequence[str], periods: Sequence[str]) -> Any:
    """Return the parameters beside each other: bands over periods, boxes of all others."""
    titles = [f"{each.name} by {each.axis}" if each.axis else each.name for each in parameters]
    figure = make_subplots(rows=1, cols=len(parameters), subplot_titles=titles)
    for column, parameter in enumerate(parameters, 1):
        labels, draws = labels_of(parameter, places, periods), parameter.values.numpy()
        if parameter.axis == "periods":
            lead = len(labels) - len(periods)
            draw_bands(figure, [str(place - lead) for place in range(len(labels))], draws, {"row": 1, "col": column})
            continue
        for label, values in zip(labels, draws.reshape(draws.shape[0], -1).T, strict=True):
            box = go.Box(y=values.tolist(), name=label, boxpoints=False, marker_color=LINE, showlegend=False)
            figure.add_trace(box, row=1, col=column)
    figure.update_layout(height=420, template="plotly_white")
    return figure
