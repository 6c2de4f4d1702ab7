"""The numbers of a graph that derivatives are taken by, one by one, and how laws of days move with their means."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from protocols.arithmetic.distributions import F64, LAW_TOTAL
from protocols.models.graph import GraphParameter, ModelGraph
from protocols.models.graph.checks import nodes_of

MOST_ENTRIES: Final = 256  # of a table, each of which is a parameter


class ParameterEntry(NamedTuple):
    """A number, or one entry of a table: of a table of laws, one law."""

    name: str
    place: int
    label: str

    @property
    def title(self) -> str:
        """Return its name, with the group and period, or the place, of an entry among several."""
        return f"{self.name}[{self.label}]" if self.label else self.name


class ParameterReasons(dict[str, str]):
    """By the title of each parameter that a model reads, why it has no derivative; nothing where it has one."""

    @property
    def known(self) -> tuple[str, ...]:
        """Return those that have one."""
        return tuple(title for title, reason in self.items() if not reason)


class LawSlopes(NamedTuple):
    """How laws of days change with their means, float64[rows, days] each.

    Attributes:
        score: of a draw of d, d log p_d / dmean.
        shift: the rate at which a draw of d becomes that of the next day that has a weight.
    """

    score: F64
    shift: F64


def parameters_read(graph: ModelGraph) -> tuple[ParameterEntry, ...]:
    """Return the numbers that anything of a model reads, in order; tables of very many entries are left out."""
    nodes = [graph.nodes[number] for number in nodes_of(graph, *graph.parts)]
    factors = [name for outcome in graph.outcomes.values() for name in outcome.coefficients.values()]
    read = {node.name for node in nodes if node.op == "parameter"} | {each for each in factors if isinstance(each, str)}
    counts = {
        name: each.rows if is_law(each) else max(each.length, 1) * each.rows
        for name, each in sorted(graph.parameters.items())
        if name in read
    }
    return tuple(
        ParameterEntry(name, place, label)
        for name, count in counts.items()
        if count <= MOST_ENTRIES
        for place, label in enumerate(_labels(graph.parameters[name], count))
    )


def _labels(parameter: GraphParameter, count: int) -> list[str]:
    if count == 1:
        return [""]
    return list(parameter.entries()) if parameter.axes else [str(place) for place in range(count)]


def is_law(parameter: GraphParameter) -> bool:
    """Tell whether a parameter is a law of days, or a table of these."""
    return parameter.unit == "law"


def slopes_of_laws(
    rows: Sequence[Sequence[int]], given: Mapping[int, Sequence[float]] = MappingProxyType({})
) -> LawSlopes:
    """Return how laws change: as is given, or by tilting, weights by `exp(a d)`.

    That is `dp_d / dmean = p_d (d - mean) / variance`. A law of one day alone does not move. Moments are those of whole
    numbers, so that bits are the same everywhere.

    Args:
        rows: weights of each law, all of one length.
        given: of some laws, by their places, by how much each weight changes with the mean.

    Source: Efron, Exponential Families in Theory and Practice (2022).
    """
    laws = [_moved(row, given[place]) if place in given else _tilted(row) for place, row in enumerate(rows)]
    return LawSlopes(np.stack([law.score for law in laws]), np.stack([law.shift for law in laws]))


def _tilted(weights: Sequence[int]) -> LawSlopes:
    mean, variance = moments_of(weights)
    away = [Fraction(day) - mean for day in range(1, len(weights) + 1)]
    score = [a / variance if variance and weight else Fraction(0) for a, weight in zip(away, weights, strict=True)]
    moved, shift = Fraction(0), [Fraction(0)] * len(weights)
    for place, weight in enumerate(weights[:-1]):
        moved -= weight * score[place]
        shift[place] = moved / weight if weight else Fraction(0)
    return LawSlopes(_floats(score), _floats(shift))


def _moved(weights: Sequence[int], slope: Sequence[float]) -> LawSlopes:
    weight, by = np.array(weights, dtype=np.float64), np.array(slope)
    score, shift = (np.divide(each, weight, out=np.zeros_like(weight), where=weight > 0) for each in (by, -by.cumsum()))
    shift[-1] = 0.0
    return LawSlopes(score, shift)


def _floats(numbers: Sequence[Fraction]) -> F64:
    return np.array([float(number) for number in numbers], dtype=np.float64)


def explain_lone_length(weights: Sequence[int]) -> str:
    """Return why a law of days does not move with its mean; nothing where it does."""
    return "" if moments_of(weights)[1] else "is a law of one length alone"


def moments_of(weights: Sequence[int]) -> tuple[Fraction, Fraction]:
    """Return the mean and the variance of a law, in steps."""
    first = Fraction(sum(weight * day for day, weight in enumerate(weights, 1)), LAW_TOTAL)
    second = Fraction(sum(weight * day * day for day, weight in enumerate(weights, 1)), LAW_TOTAL)
    return first, second - first * first
