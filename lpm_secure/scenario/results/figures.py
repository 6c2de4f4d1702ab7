"""Plots of ensembles: a median and a band for each series, one scenario beside the other."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from client_sdk.private.table import F64
from lpm_secure.engine.series import PARTS
from lpm_secure.models.words import COLOURS, colours_of, word_of
from lpm_secure.report.run_parts import band_lines
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError

DASHES: Final = ("solid", "dash", "dot", "dashdot")


class Ensemble(Protocol):
    """What is drawn: series of several seeds."""

    @property
    def days(self) -> F64:
        """Days, float64[T + 1]."""

    @property
    def small_counts(self) -> Sequence[str]:
        """Series that count real people, whose small counts are ringed."""

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
    parts = list(dict.fromkeys(part_of(name)[0] for name in series))
    figure = _grid([f"{part} agents" if part else title for part in parts])
    names = [part_of(name)[1] for name in series]
    colour = dict(zip(names, colours_of(names), strict=True))
    shown: set[str] = set()
    for name in series:
        part, stage = part_of(name)
        values, days = ensemble.values(name), ensemble.days.tolist()
        drawn: dict[str, Any] = {"band": band, "legend": stage not in shown, "people": name in ensemble.small_counts}
        lines = band_lines(values, days, word_of(stage), colour[stage], **drawn)
        figure.add_traces(list(lines), rows=1, cols=parts.index(part) + 1)
        shown.add(stage)
    return figure.update_layout(title=title)


def _scenarios(ensembles: Mapping[str, Ensemble], series: Sequence[str], band: float) -> Any:
    """Return a column for each series, and in it every ensemble by its colour."""
    figure = _grid([" ".join(filter(None, part_of(name))) for name in series])
    for place, (title, ensemble) in enumerate(ensembles.items()):
        colour, dash = COLOURS[place % len(COLOURS)], DASHES[place // len(COLOURS) % len(DASHES)]
        for column, name in enumerate(series, start=1):
            values, days = ensemble.values(name), ensemble.days.tolist()
            drawn: dict[str, Any] = {"band": band, "legend": column == 1, "people": name in ensemble.small_counts}
            lines = band_lines(values, days, title, colour, **drawn, dash=dash)
            figure.add_traces(list(lines), rows=1, cols=column)
    return figure


def _grid(titles: Sequence[str]) -> Any:
    from plotly.subplots import make_subplots  # noqa: PLC0415 - slow to load, and a result without plots does without

    figure = make_subplots(rows=1, cols=len(titles), subplot_titles=titles)
    figure.update_xaxes(title_text="day")
    figure.update_yaxes(title_text="agents", rangemode="tozero")
    return figure.update_layout(template="plotly_white", hovermode="x unified", legend={"orientation": "h", "y": -0.2})


def part_of(name: str) -> tuple[str, str]:
    """Return whose a series is, private or synthetic agents' or nothing, and its own name."""
    for part in PARTS:
        if name.startswith(f"{part}_"):
            return part, name.removeprefix(f"{part}_")
    return "", name
