"""Axes of a parameter: the groups of agents, and the periods of time, of which each has a number of its own."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from lpm_secure.models.symbols import Symbol, operate, refuse
from protocols.errors import ParameterError

CLOCK: Final = "step"  # a field that counts steps, in models with a parameter that changes with time
Number = int | float
Table = tuple[Number | tuple[Number | tuple[Number, ...], ...], ...]
Value = Number | Table | Mapping[str, Table]


@final
@dataclass(frozen=True, slots=True)
class Period:
    """So many steps of one value, so many times; the last value holds on."""

    name: str
    steps: int
    count: int

    def __post_init__(self) -> None:
        """Refuse what is no period."""
        if min(self.steps, self.count) < 1:
            refuse(f"{self.count} periods of {self.steps} steps are none; give at least 1 of each")


@final
@dataclass(frozen=True, slots=True)
class Axis:
    """One index of a parameter.

    Attributes:
        name: of the private column, or of the period.
        low, high: of the index, both included.
        steps: of a period; 0 of a group.
    """

    name: str
    low: int
    high: int
    steps: int = 0

    @property
    def count(self) -> int:
        """How many entries there are along it."""
        return self.high - self.low + 1

    def place(self) -> Symbol:
        """Return which entry is an agent's, from 0."""
        if self.steps:
            return operate("minimum", operate("divide", Symbol("field", name=CLOCK), self.steps), self.high)
        return operate("subtract", Symbol("field", name=self.name), self.low)


def index_of(axes: Sequence[Axis]) -> Symbol:
    """Return which entry of a table is an agent's: the last axis is the nearest."""
    index = axes[0].place()
    for axis in axes[1:]:
        index = operate("add", operate("multiply", index, axis.count), axis.place())
    return index


def entries_of(value: Value, axes: Sequence[Axis], name: str, *, depth: int = 0) -> list[Number | Table]:
    """Return a value for each entry of a table, the last axis being the nearest.

    Args:
        value: one for all; or nested, an axis after the other; or `{axis: list}`, the same along all other axes. A
            list of periods may end early: its last value holds on.
        axes: of the table.
        name: of the parameter, for messages.
        depth: how deep a single value is nested: 1 for a law.

    Raises:
        ParameterError: there is no such axis, or there are too few or too many numbers along one.
    """
    if isinstance(value, Mapping):
        return _along(value, axes, name)
    if depth_of(value) == depth:
        return [value] * math.prod(axis.count for axis in axes)
    return _nested(value, axes, name)


def depth_of(value: object) -> int:
    """Return how deep tuples are nested."""
    return 1 + depth_of(value[0] if value else 0) if isinstance(value, tuple) else 0


def _along(value: Mapping[str, Table], axes: Sequence[Axis], name: str) -> list[Number | Table]:
    places = {axis.name: place for place, axis in enumerate(axes)}
    if len(value) != 1 or not value.keys() <= places.keys():
        got = ", ".join(value) or "nothing"
        raise ParameterError(f"{name} is given by {got}; give it by one of {', '.join(places)}")
    ((by, given),) = value.items()
    line = _line(given, axes[places[by]], name)
    return [line[entry[places[by]]] for entry in itertools.product(*(range(axis.count) for axis in axes))]


def _nested(value: Number | Table, axes: Sequence[Axis], name: str) -> list[Number | Table]:
    if not axes:
        return [value]
    return [entry for each in _line(value, axes[0], name) for entry in _nested(each, axes[1:], name)]


def _line(given: Number | Table, axis: Axis, name: str) -> Table:
    """Return a value for each entry along an axis; of periods the last one that is given holds on."""
    line = given if isinstance(given, tuple) else ()
    short = axis.steps > 0 and 0 < len(line) < axis.count
    if len(line) != axis.count and not short:
        got = f"{len(line)} values" if isinstance(given, tuple) else f"{given}"
        raise ParameterError(f"{name} has {got} by {axis.name}; give {axis.count}, of {axis.low} to {axis.high}")
    return line + (line[-1],) * (axis.count - len(line)) if short else line
