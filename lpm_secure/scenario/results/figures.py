"""Plots of ensembles: a median and a band for each series, one scenario beside the other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.engine.series import PARTS
from lpm_secure.models.words import COLOURS, colours_of, word_of
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError

DASHES: Final = ("solid", "dash", "dot", "dashdot")
OPACITY: Final = 0.18


class Ensemble(Protocol):
    """What is drawn: series of several seeds."""

    @property
    def days(self) -> F64:
        """Days, float64[T + 1]."""

    def values(self, name: str) -> I64:
        """Return one series of every seed, int64[seeds, T + 1]."""


def bands(ensembles: Mapping[str, Ensemble], series: Sequence[str], *, band: float) -> Any:
    """Return a figure of series over days; of several ensembles one column for each series, else all in one.

    Raises:
        ParameterError: there is nothing to draw, or the band is not between 0 and 1.
    """
    if not series or not 0 < band < 1:
        raise ParameterError(f"got {len(series)} series and a band of {band:g}; give a series, and a band such as 0.9")
    return _scenarios(ensembles, series, band) if len(ensembles) > 1 else _single(ensembles, series, band)


def _single(ensembles: Mapping[str, Ensemble], series: Sequence[str], band: float) -> Any:
    """Return series of one ensemble: stages by colour, private and synthetic agents in a column each."""
    ((title, ensemble),) = ensembles.items()
    parts = list(dict.fromkeys(_part(name)[0] for name in series))
    figure = _grid([f"{part} agents" if part else title for part in parts])
    names = [_part(name)[1] for name in series]
    colour = dict(zip(names, colours_of(names), strict=True))
    shown: set[str] = set()
    for name in series:
        part, stage = _part(name)
        lines = _band(ensemble, name, word_of(stage), colour[stage], band=band, legend=stage not in shown)
        figure.add_traces(list(lines), rows=1, cols=parts.index(part) + 1)
        shown.add(stage)
    return figure.update_layout(title=title)


def _scenarios(ensembles: Mapping[str, Ensemble], series: Sequence[str], band: float) -> Any:
    """Return a column for each series, and in it every ensemble by its colour."""
    figure = _grid([" ".join(filter(None, _part(name))) for name in series])
    for place, (title, ensemble) in enumerate(ensembles.items()):
        colour, dash = COLOURS[place % len(COLOURS)], DASHES[place // len(COLOURS) % len(DASHES)]
        for column, name in enumerate(series, start=1):
            lines = _band(ensemble, name, title, colour, band=band, legend=column == 1, dash=dash)
            figure.add_traces(list(lines), rows=1, cols=column)
    return figure


def _grid(titles: Sequence[str]) -> Any:
    from plotly.subplots import make_subplots  # noqa: PLC0415 - slow to load, and a result without plots does without

    figure = make_subplots(rows=1, cols=len(titles), subplot_titles=titles)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    return figure.update_layout(template="plotly_white", hovermode="x unified", legend={"orientation": "h", "y": -0.2})


def _band(
    ensemble: Ensemble, name: str, label: str, colour: str, *, band: float, legend: bool, dash: str = "solid"
) -> Iterator[Any]:
    """Yield the edges of a band, filled between, and the median above it."""
    import plotly.graph_objects as go  # noqa: PLC0415 - as above

    values, days = ensemble.values(name), ensemble.days.tolist()
    low, median, high = np.quantile(values, (0.5 - band / 2, 0.5, 0.5 + band / 2), axis=0)
    edge = {"x": days, "mode": "lines", "line": {"width": 0, "color": colour}, "legendgroup": label}
    if len(values) > 1:
        hidden = {"showlegend": False, "hoverinfo": "skip"}
        yield go.Scatter(**edge, **hidden, y=low.tolist())
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        filled = f"rgba({red},{green},{blue},{OPACITY})"
        yield go.Scatter(**edge, **hidden, y=high.tolist(), fill="tonexty", fillcolor=filled)
    line = {"color": colour, "dash": dash}
    yield go.Scatter(x=days, y=median.tolist(), name=label, line=line, legendgroup=label, showlegend=legend)


def _part(name: str) -> tuple[str, str]:
    """Return whose a series is, private or synthetic agents' or nothing, and its own name."""
    for part in PARTS:
        if name.startswith(f"{part}_"):
            return part, name.removeprefix(f"{part}_")
    return "", name
