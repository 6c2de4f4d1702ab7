"""A point among the parameters of a model's graph, by its author's names and in its author's units."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple, Self, final

import numpy as np

from lpm_secure.gradients.model.laws import LawFamily, TiltedLaw
from protocols.errors import ParameterError
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.inputs import check_parameters
from protocols.models.likelihood.entries import LawSlopes, ParameterEntry, is_law, parameters_read

NO_FAMILIES: Final[Mapping[str, LawFamily]] = MappingProxyType({})
NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
AT_ZERO: Final = 0.1  # length of a probability that is 0


class Ends(NamedTuple):
    """Two points that differ in one parameter, and by how much."""

    below: "ModelPoint"
    above: "ModelPoint"
    distance: float


@final
@dataclass(frozen=True, eq=False)
class ModelPoint:
    """The value of every parameter.

    Attributes:
        graph: of the model.
        integers: of each parameter, as agents compute with them; those of laws are the families'.
        families: of each law, one for each of its rows.
        only: parameters that derivatives are taken by; all unless given.
        labels: what reports call a parameter, by its name in the graph; so unless given.
    """

    graph: ModelGraph = field(repr=False)
    integers: Mapping[str, int | tuple[int, ...]] = field(repr=False)
    families: Mapping[str, tuple[LawFamily, ...]] = field(repr=False)
    only: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)

    @classmethod
    def of(
        cls,
        model: GraphModel,
        families: Mapping[str, LawFamily] = NO_FAMILIES,
        *,
        only: tuple[str, ...] = (),
        labels: Mapping[str, str] = NO_LABELS,
    ) -> Self:
        """Return a model's own point.

        Args:
            model: with its parameters.
            families: of laws by name, in place of the model's weights; the others move by tilting.
            only: parameters that derivatives are taken by; all unless given.
            labels: what reports call a parameter, by its name in the graph; so unless given.

        Raises:
            ParameterError: there is no such law, or no such parameter that derivatives could be taken by.
        """
        graph = model.graph
        checked = check_parameters(graph, model.parameters)
        laws: dict[str, tuple[LawFamily, ...]] = {
            name: tuple(TiltedLaw(tuple(row.tolist())) for row in checked[name])
            for name, each in graph.parameters.items()
            if is_law(each)
        }
        for name, family in families.items():
            if name not in laws:
                raise ParameterError(f"{name} is no law of the model; its laws are {', '.join(laws) or 'none'}")
            laws[name] = (family,) * graph.parameters[name].rows
        point = cls(graph, model.parameters, laws, labels=labels)._fit_integers()
        named = {label: name for name, label in labels.items()}
        unknown = sorted(set(only) - set(point.names) - {each.name for each in point.entries})
        if unknown:
            raise ParameterError(
                f"no derivative by {unknown[0]}; there are those by {', '.join(point.names) or 'none'}"
            )
        return replace(point, only=tuple(named.get(name, name) for name in only))

    @cached_property
    def entries(self) -> tuple[ParameterEntry, ...]:
        """Return the parameters that derivatives are taken by: laws of one day alone have none."""
        read = parameters_read(self.graph)
        moving = [each for each in read if each.name not in self.families or self._family(each).sd > 0]
        return tuple(each for each in moving if not self.only or {each.name, each.title} & set(self.only))

    @property
    def titles(self) -> tuple[str, ...]:
        """Return the same by the graph's names; an entry of a table has its place in brackets."""
        return tuple(each.title for each in self.entries)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what reports call them."""
        return tuple(self.labels.get(title, title) for title in self.titles)

    @property
    def law_slopes(self) -> dict[str, LawSlopes]:
        """Return how each law changes with its mean."""
        laws = {name: [family.day_law for family in rows] for name, rows in self.families.items()}
        return {
            name: LawSlopes(np.stack([law.score for law in rows]), np.stack([law.shift for law in rows]))
            for name, rows in laws.items()
        }

    def _family(self, entry: ParameterEntry) -> LawFamily:
        return self.families[entry.name][entry.place]

    def _fit_integers(self) -> Self:
        """Return the point with the integers of its laws."""
        own = {
            name: tuple(weight for family in rows for weight in family.day_law.law)
            for name, rows in self.families.items()
        }
        return replace(self, integers={**self.integers, **own})

    def scale(self, parameter: int) -> float:
        """Return how many units of a parameter's integer one of its own is."""
        return float(2.0 ** self.graph.parameters[self.entries[parameter].name].bits)

    def __getitem__(self, parameter: int) -> float:
        """Return a number in its unit, or the mean of a law in steps."""
        entry = self.entries[parameter]
        if entry.name in self.families:
            return self._family(entry).mean
        value = self.integers[entry.name]
        return (value[entry.place] if isinstance(value, tuple) else value) / self.scale(parameter)

    def length(self, parameter: int) -> float:
        """Return the spread of a law, a number itself, and of a probability above a half what it leaves."""
        entry, value = self.entries[parameter], self[parameter]
        if entry.name in self.families:
            return self._family(entry).sd
        if self.graph.parameters[entry.name].unit == "probability" and value > 1 / 2:
            value = 1.0 - value
        return value or AT_ZERO

    def bounds(self, parameter: int) -> tuple[float, float]:
        """Return the declared range; means of laws may go as far as their weights."""
        name = self.entries[parameter].name
        if name in self.families:
            return 0.0, np.inf
        declared = self.graph.parameters[name]
        return declared.low / self.scale(parameter), declared.high / self.scale(parameter)

    def ends(self, parameter: int, part: float) -> Ends:
        """Return two points, a part of the length below and above; at a bound, on one side only."""
        by, value = part * self.length(parameter), self[parameter]
        low, high = self.bounds(parameter)
        below = self.shift(parameter, -by) if value - by >= low else self
        above = self.shift(parameter, by) if value + by <= high else self
        return Ends(below, above, above[parameter] - below[parameter])

    def is_coarse(self, parameter: int, part: float) -> bool:
        """Tell whether a part of a number's length is under half its smallest step, as of most whole numbers."""
        law = self.entries[parameter].name in self.families
        return not law and not round(part * self.length(parameter) * self.scale(parameter))

    def explain_coarse(self, parameter: int, part: float) -> str:
        """Return why differences by a number are no derivative; nothing where they are."""
        if not self.is_coarse(parameter, part):
            return ""
        end = self.ends(parameter, part)
        return (
            f"moves by {1 / self.scale(parameter):g} at least, so differences, from {end.below[parameter]:g} to "
            f"{end.above[parameter]:g}, are no derivative"
        )

    def shift(self, parameter: int, by: float) -> Self:
        """Return the point with one parameter moved, to the next integer that is another.

        Raises:
            ParameterError: a law cannot be moved so far.
        """
        name, place, _ = entry = self.entries[parameter]
        if name in self.families:
            rows = list(self.families[name])
            rows[place] = self._family(entry).shift(by)
            return replace(self, families={**self.families, name: tuple(rows)})._fit_integers()
        away = round(by * self.scale(parameter)) or (1 if by > 0 else -1)
        value = self.integers[name]
        table = list(value) if isinstance(value, tuple) else [value]
        table[place] += away
        return replace(self, integers={**self.integers, name: tuple(table) if isinstance(value, tuple) else table[0]})
