"""Forward derivatives of a graph's integers: the values of all nodes, and how they move with the parameters.

What is divided, shifted and rounded counts as the real number that it stands for. Slopes have the same bits on every
machine: they are made by what IEEE 754 rounds the same way everywhere. Comparisons and draws have no
derivative here: draws have laws, and whoever acts through a comparison alone is told so (`dependence`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np

from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.interpreter import Inputs, value_of

Slopes = Mapping[int, Any]  # derivatives by the number of a parameter, float64[n] or one number; 0 by all others
NONE: Final[Slopes] = MappingProxyType({})
Leaf = tuple[str, str]  # op and name
Forced = Mapping[int, tuple[Any, Any]]  # of a draw's node: for which agents, and what it gives in place of its own


def combine(*terms: tuple[Any, Slopes]) -> dict[int, Any]:
    """Return a sum of slopes, each times a factor."""
    total: dict[int, Any] = {}
    for factor, slopes in terms:
        for parameter, slope in slopes.items():
            total[parameter] = total.get(parameter, 0.0) + factor * slope
    return total


def choose(condition: Any, yes: Slopes, no: Slopes) -> dict[int, Any]:
    """Return one or the other's slopes, agent by agent."""
    return {p: np.where(condition, yes.get(p, 0.0), no.get(p, 0.0)) for p in {*yes, *no}}


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Values and slopes of the nodes that have been computed.

    Attributes:
        graph: of the model.
        leaves: slopes of leaves that have some; of a table's `entries`, each one's place, and its slope there.
        values, slopes: by node.
    """

    graph: ModelGraph
    leaves: dict[Leaf, Slopes] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)
    slopes: dict[int, Slopes] = field(default_factory=dict)

    def extend(self, nodes: Iterable[int], inputs: Inputs, forced: Forced = MappingProxyType({})) -> None:
        """Compute nodes, in order, that have not been computed."""
        n = inputs.source.agents.size
        with np.errstate(over="ignore"):
            for number in nodes:
                if number in self.values:
                    continue
                node = self.graph.nodes[number]
                operands = [self.values[index] for index in node.inputs]
                value = value_of(node, list(operands), inputs)
                if number in forced:
                    value = np.array(np.broadcast_to(value, (n,)))
                    value[forced[number][0]] = forced[number][1]
                self.values[number] = value
                slopes = self._slope(node, value, operands)
                if slopes:
                    self.slopes[number] = slopes

    def column(self, number: int, n: int) -> Any:
        """Return a node's values, int64[n]."""
        return np.array(np.broadcast_to(np.asarray(self.values[number]), (n,)), dtype=np.int64)

    def _slope(self, node: GraphNode, value: Any, operands: list[Any]) -> Slopes:
        if not node.inputs:
            return self.leaves.get((node.op, node.name), NONE)
        if node.op == "lookup":
            entries = self.leaves.get(("entries", self.graph.nodes[node.inputs[0]].name), NONE)
            return {p: np.where(operands[1] == place, scale, 0.0) for p, (place, scale) in entries.items()}
        inner = [self.slopes.get(index, NONE) for index in node.inputs]
        return SLOPES[node.op](value, operands, inner) if node.op in SLOPES and any(inner) else NONE


Rule = Callable[[Any, list[Any], list[Slopes]], Slopes]
SLOPES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "add": lambda value, x, s: combine((1.0, s[0]), (1.0, s[1])),
        "subtract": lambda value, x, s: combine((1.0, s[0]), (-1.0, s[1])),
        "multiply": lambda value, x, s: combine((x[1], s[0]), (x[0], s[1])),
        "divide": lambda value, x, s: combine((1.0 / x[1], s[0]), (-x[0] / np.square(x[1], dtype=float), s[1])),
        "left": lambda value, x, s: combine((np.ldexp(1.0, np.asarray(x[1])), s[0])),
        "right": lambda value, x, s: combine((np.ldexp(1.0, -np.asarray(x[1])), s[0])),
        "minimum": lambda value, x, s: choose(np.less_equal(x[0], x[1]), s[0], s[1]),
        "maximum": lambda value, x, s: choose(np.greater_equal(x[0], x[1]), s[0], s[1]),
        "where": lambda value, x, s: choose(x[0], s[1], s[2]),
        "uniform": lambda value, x, s: combine((1.0, s[0]), ((value - x[0]) / x[1], s[1])),
    }
)
