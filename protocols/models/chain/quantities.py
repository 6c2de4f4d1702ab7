"""The numbers of a chain, and how each moves with the parameters: probabilities of draws, weights, what agents tell."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np

from protocols.arithmetic.distributions import F64, LAW_TOTAL
from protocols.models.chain.exploration import Quantity, Space
from protocols.models.chain.held_draws import ENDS, STAY, Law
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.graph import DRAWS
from protocols.models.graph.interpreter import Inputs
from protocols.models.likelihood.entries import LawSlopes, ParameterEntry, is_law, slopes_of_laws
from protocols.models.likelihood.events import Chances
from protocols.models.likelihood.record import leaves_of_parameters
from protocols.models.likelihood.tape import NONE, Tape

NO_LAWS: Final[Mapping[str, LawSlopes]] = MappingProxyType({})
Slope = F64  # of one number by each parameter, float64[1 + p]: its value, then its derivatives


@final
@dataclass(frozen=True, slots=True)
class QuantityTable:
    """Numbers with their derivatives by p parameters.

    Attributes:
        space: of states.
        entries: the parameters.
        known: which fields an agent's holder knows.
        laws: how each law of days moves with its mean.
    """

    space: Space
    entries: Sequence[ParameterEntry]
    known: Mapping[str, bool]
    laws: Mapping[str, LawSlopes]
    _numbers: dict[Quantity, Slope] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        space: Space,
        entries: Sequence[ParameterEntry],
        known: Mapping[str, bool],
        laws: Mapping[str, LawSlopes],
    ) -> "QuantityTable":
        """Return a table without numbers; laws that are not given move by tilting."""
        parameters = space.graph.parameters
        names = sorted({each.name for each in entries if each.name in parameters and is_law(parameters[each.name])})
        tilted = {n: slopes_of_laws(space.parameters[n].tolist()) for n in names if n not in laws}
        return cls(space, entries, known, {**tilted, **{n: laws[n] for n in names if n in laws}})

    def compute(self, quantities: Iterable[Quantity]) -> None:
        """Compute numbers, those of one node together."""
        by_root: dict[int, list[Quantity]] = defaultdict(list)
        for each in dict.fromkeys(quantities):
            if each not in self._numbers:
                by_root[each.root].append(each)
        for root, same in by_root.items():
            self._numbers.update(zip(same, self._of_root(root, [each.basis for each in same]), strict=True))

    def number(self, quantity: Quantity) -> Slope:
        """Return a number that was computed."""
        return self._numbers[quantity]

    def probability(self, law: Law, value: int) -> Slope:
        """Return how likely it was that a draw gave a value."""
        op, number, basis = law
        if op == "uniform":
            return self._constant(1.0 / basis[1])
        if op == "days":
            return self._days(law, value)
        if op == STAY:
            ends = self._ends(law)
            return ends if value == ENDS else self._constant(1.0) - ends
        node = self.space.graph.nodes[number]
        likely: Slope = self._numbers[Quantity(node.inputs[0], basis)] * (1.0 / LAW_TOTAL)
        return likely if value else self._constant(1.0) - likely

    def product(self, draws: Iterable[tuple[Law, int]]) -> Slope:
        """Return how likely it was that several draws gave what they gave."""
        total = self._constant(1.0)
        for law, value in draws:
            factor = self.probability(law, value)
            total[1:] = total[1:] * factor[0] + factor[1:] * total[0]
            total[0] *= factor[0]
        return total

    def _constant(self, value: float) -> Slope:
        number = np.zeros(1 + len(self.entries))
        number[0] = value
        return number

    def _days(self, law: Law, value: int) -> Slope:
        _, drawn, (row,) = law
        name = self.space.graph.nodes[self.space.graph.nodes[drawn].inputs[0]].name
        number = self._constant(int(self.space.weights_of(law)[value - 1]) / LAW_TOTAL)
        for p, entry in enumerate(self.entries):
            if entry.name == name and entry.place == row and name in self.laws:
                number[1 + p] = number[0] * self.laws[name].score[row, value - 1]
        return number

    def _ends(self, law: Law) -> Slope:
        """Return how likely a stay ends in a step: 1 / mean."""
        _, drawn, (row,) = law
        name = self.space.graph.nodes[self.space.graph.nodes[drawn].inputs[0]].name
        weights = self.space.weights_of(law).tolist()
        mean = sum(day * weight for day, weight in enumerate(weights, 1)) / LAW_TOTAL
        number = self._constant(1.0 / mean)
        for p, entry in enumerate(self.entries):
            if entry.name == name and entry.place == row:
                number[1 + p] = -number[0] / mean
        return number

    def _of_root(self, root: int, bases: Sequence[tuple[int, ...]]) -> F64:
        """Return a node's numbers for each of several bases, float64[m, 1 + p]."""
        graph, leaves, m = self.space.graph, self.space.leaves(root), len(bases)
        columns = dict(zip(leaves, np.array(bases, dtype=np.int64).reshape(m, len(leaves)).T, strict=True))
        fields = {graph.nodes[leaf].name: c for leaf, c in columns.items() if graph.nodes[leaf].op == "field"}
        bits = {graph.nodes[leaf].name: c == 1 for leaf, c in columns.items() if graph.nodes[leaf].op == "outcome"}
        public = {graph.nodes[leaf].name: c for leaf, c in columns.items() if graph.nodes[leaf].op == "public"}
        inputs = Inputs(
            fields,
            self.space.parameters,
            DrawSource(np.zeros(m, dtype=np.uint64), 0, (0, 0)),
            public=public,
            outcomes=bits,
            known={name: np.full(m, flag) for name, flag in self.known.items()},
        )
        tape = Tape(graph, dict(leaves_of_parameters(graph, Chances(self.entries, self.laws))))
        everybody: Any = np.ones(m, dtype=np.bool_)
        forced = {leaf: (everybody, c) for leaf, c in columns.items() if graph.nodes[leaf].op in DRAWS}
        tape.extend(ancestors_of(graph, [root]), inputs, forced)
        numbers = np.zeros((m, 1 + len(self.entries)))
        numbers[:, 0] = tape.column(root, m)
        for p, slope in tape.slopes.get(root, NONE).items():
            numbers[:, 1 + p] = slope
        return numbers
