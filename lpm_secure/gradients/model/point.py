"""A point among the parameters of a model's graph, by its author's names and in its author's units."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Self, final

import numpy as np

from lpm_secure.gradients.model.laws import LawFamily, TiltedLaw
from lpm_secure.gradients.problem.theta import AT_ZERO, ThetaPoint
from protocols.errors import ParameterError
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.inputs import check_parameters

NO_FAMILIES: Final[Mapping[str, LawFamily]] = MappingProxyType({})


def parameters_read(graph: ModelGraph) -> tuple[str, ...]:
    """Return the parameters that are one number, or laws of days, and that anything of a model reads, in order."""
    roots = [root for part in graph.parts.values() for root in part.values()]
    nodes = [graph.nodes[number] for number in ancestors_of(graph, roots)]
    factors = [name for outcome in graph.outcomes.values() for name in outcome.coefficients.values()]
    read = {node.name for node in nodes if node.op == "parameter"} | {each for each in factors if isinstance(each, str)}
    return tuple(
        name for name, each in sorted(graph.parameters.items()) if name in read and (not each.length or _is_law(each))
    )


def _is_law(parameter: Any) -> bool:
    return bool(parameter.unit == "law")


@final
@dataclass(frozen=True, eq=False)
class ModelPoint(ThetaPoint):
    """The value of every parameter.

    Attributes:
        graph: of the model.
        integers: of each parameter, as agents compute with them; those of laws are the families'.
        families: of each law, one for each of its rows.
        only: parameters that derivatives are taken by; all unless given.
    """

    graph: ModelGraph = field(repr=False)
    integers: Mapping[str, int | tuple[int, ...]] = field(repr=False)
    families: Mapping[str, tuple[LawFamily, ...]] = field(repr=False)
    only: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, model: GraphModel, families: Mapping[str, LawFamily] = NO_FAMILIES, *, only: tuple[str, ...] = ()
    ) -> Self:
        """Return a model's own point.

        Args:
            model: with its parameters.
            families: of laws by name, in place of the model's weights; the others move by tilting.
            only: parameters that derivatives are taken by; all unless given.

        Raises:
            ParameterError: there is no such law, or no such parameter that derivatives could be taken by.
        """
        graph = model.graph
        checked = check_parameters(graph, model.parameters)
        laws: dict[str, tuple[LawFamily, ...]] = {
            name: tuple(TiltedLaw(tuple(row.tolist())) for row in checked[name])
            for name, each in graph.parameters.items()
            if _is_law(each)
        }
        for name, family in families.items():
            if name not in laws:
                raise ParameterError(f"{name} is no law of the model; its laws are {', '.join(laws) or 'none'}")
            laws[name] = (family,) * graph.parameters[name].rows
        point = cls(graph, model.parameters, laws)._fitted()
        unknown = sorted(set(only) - set(point.names))
        if unknown:
            raise ParameterError(
                f"no derivative by {unknown[0]}; there are those by {', '.join(point.names) or 'none'}"
            )
        return replace(point, only=only)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the parameters that derivatives are taken by: laws of one day alone have none."""
        read = parameters_read(self.graph)
        moving = tuple(name for name in read if name not in self.families or self._sd(name) > 0)
        return tuple(name for name in moving if not self.only or name in self.only)

    def _sd(self, name: str) -> float:
        return float(np.mean([family.sd for family in self.families[name]]))

    def _fitted(self) -> Self:
        """Return the point with the integers of its laws."""
        own = {
            name: tuple(weight for family in rows for weight in family.day_law.law)
            for name, rows in self.families.items()
        }
        return replace(self, integers={**self.integers, **own})

    def scale(self, parameter: int) -> float:
        """Return how many units of a parameter's integer one of its own is."""
        return float(2.0 ** self.graph.parameters[self.names[parameter]].bits)

    def __getitem__(self, parameter: int) -> float:
        """Return a number in its unit, or the mean of a law in steps."""
        name = self.names[parameter]
        if name in self.families:
            return float(np.mean([family.mean for family in self.families[name]]))
        return self._integer(name) / self.scale(parameter)

    def _integer(self, name: str) -> int:
        value = self.integers[name]
        return value[0] if isinstance(value, tuple) else value

    def length(self, parameter: int) -> float:
        """Return the spread of a law, a number itself, and of a probability above a half what it leaves."""
        name, value = self.names[parameter], self[parameter]
        if name in self.families:
            return self._sd(name)
        if self.graph.parameters[name].unit == "probability" and value > 1 / 2:
            value = 1.0 - value
        return value or AT_ZERO

    def bounds(self, parameter: int) -> tuple[float, float]:
        """Return the declared range; means of laws may go as far as their weights."""
        name = self.names[parameter]
        if name in self.families:
            return 0.0, np.inf
        declared = self.graph.parameters[name]
        return declared.low / self.scale(parameter), declared.high / self.scale(parameter)

    def shift(self, parameter: int, by: float) -> Self:
        """Return the point with one parameter moved, to the next integer that is another.

        Raises:
            ParameterError: a parameter that is not 0 would round to 0, or a law cannot be moved so far.
        """
        name = self.names[parameter]
        if name in self.families:
            rows = tuple(family.shift(by) for family in self.families[name])
            return replace(self, families={**self.families, name: rows})._fitted()
        moved = by * self.scale(parameter)
        away = round(moved) or (1 if by > 0 else -1)
        return replace(self, integers={**self.integers, name: self._integer(name) + away})
