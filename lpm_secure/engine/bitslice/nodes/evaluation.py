"""Parts of a bound graph as words: each node once, and what is costly only in the lanes that need it."""

import abc
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from lpm_secure.engine.bitslice.nodes.binding import BoundModel
from lpm_secure.engine.bitslice.words.integers import Integers, Slices, constant, fit, width_of
from lpm_secure.engine.bitslice.words.logic import Logic, Word
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.graph import DRAWS
from protocols.models.graph.operations import OPERATIONS

LAZY: Final = frozenset({*DRAWS, "outcome", "cell"})  # is asked for with the lanes that need it


class Evaluation(abc.ABC):
    """Values of nodes, and of what each is made of. Subclasses say what a leaf is."""

    def __init__(self, model: BoundModel, logic: Logic, roots: Iterable[int], *, lazy: frozenset[str]) -> None:
        """Evaluate some roots.

        Args:
            model: bound.
            logic: that computes.
            roots: all that will be asked for, so that it is known who needs what.
            lazy: fields that are read only in lanes that need them.
        """
        self.model, self.logic, self.integers, self._lazy = model, logic, Integers(logic), lazy
        self._roots = set(roots)
        self._values: dict[int, Slices] = {}
        self._demands: dict[int, Word] = {}
        self._open: set[int] = set()  # whose demand is being found
        self._users: Mapping[int, list[tuple[int, int]]] = defaultdict(list)
        self._under: dict[int, frozenset[int]] = {}
        for number in ancestors_of(model.graph, list(self._roots)):
            inputs = model.graph.nodes[number].inputs
            self._under[number] = frozenset({number}).union(*(self._under[each] for each in inputs))
            for place, each in enumerate(inputs):
                self._users[each].append((number, place))

    @abc.abstractmethod
    def leaf(self, number: int) -> Slices | None:
        """Return what a node is that stands for itself; None of one that its inputs decide."""

    def value(self, number: int) -> Slices:
        """Return the value of a node."""
        if number not in self._values:
            self._values[number] = self._value(number)
        return self._values[number]

    def _value(self, number: int) -> Slices:
        low, high = self.model.intervals[number]
        node = self.model.graph.nodes[number]
        if low == high and node.op not in ("table", "parameter"):
            return constant(low)
        found = self.leaf(number)
        if found is not None:
            return found
        if node.op == "lookup":
            entries = self.model.entries(node.inputs[0]).reshape(-1).tolist()
            return self.integers.lookup(entries, self.value(node.inputs[1]), (low, high))
        if node.op in ("minimum", "maximum"):
            (_, least), (most, _) = (self.model.intervals[each] for each in node.inputs)
            ahead = self.model.intervals[node.inputs[0]][0] >= self.model.intervals[node.inputs[1]][1]
            if least <= most or ahead:
                first = (node.op == "minimum") == (least <= most)
                return self._fitted(node.inputs[0 if first else 1], number)
        if node.op not in OPERATIONS:
            raise ValueError(f"{node.op} is no operation")
        if node.op == "where":
            condition = self.value(node.inputs[0]).truth
            if isinstance(condition, bool):
                return self._fitted(node.inputs[1 if condition else 2], number)
        return self.integers.compute(node.op, [self.value(each) for each in node.inputs], (low, high))

    def _fitted(self, number: int, into: int) -> Slices:
        interval = self.model.intervals[into]
        return fit(self.value(number).extend(width_of(interval)), interval)

    def demand(self, number: int) -> Word:
        """Return the lanes in which the value of a node is needed, or more of them; others may have any value."""
        if number in self._roots:
            return True
        if number not in self._demands:
            self._open.add(number)
            lanes: Word = False
            for user, place in self._users[number]:
                lanes = self.logic.either(lanes, self._asked(user, place))
                if lanes is True:
                    break
            self._open.discard(number)
            self._demands[number] = lanes
        return self._demands[number]

    def _asked(self, user: int, place: int) -> Word:
        node, lanes = self.model.graph.nodes[user], self.demand(user)
        if lanes is False:
            return False
        if node.op == "where" and place > 0 and not self._under[node.inputs[0]] & self._open:
            condition = self.value(node.inputs[0]).truth
            return self.logic.every(lanes, condition if place == 1 else self.logic.negate(condition))
        if node.op == "and":
            other = node.inputs[1 - place]
            if not self._under[other] & self._open and not self._is_costly(other):
                return self.logic.every(lanes, self.value(other).truth)
        return lanes

    def _is_costly(self, number: int) -> bool:
        nodes = (self.model.graph.nodes[each] for each in self._under[number])
        return any(node.op in LAZY or (node.op == "field" and node.name in self._lazy) for node in nodes)
