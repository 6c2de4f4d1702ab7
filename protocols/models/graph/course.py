"""The course of one field of stages: which law says how long each lasts, where intervals prove that one does.

A course is one where a timer counts the days of a stage that are left: in each stage between the first and the last it
goes down by one in each step, and where one is left the next stage begins, with a draw of the beginning as its timer.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, final

from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.graph import GraphNode, ModelGraph
from protocols.models.graph.operations import TRUTH, Interval

Laws = tuple[tuple[int, ...], ...]
MOST_STAGES: Final = 8
MOST_INTERVALS: Final = 2**18  # that are looked at, day by day: of a graph that asks for more nothing is claimed
UNKNOWN: Final = (0, 0)  # of whether a holder knows something


@final
class Course:
    """Looks for the laws of a graph's stages, with the numbers of its parameters."""

    def __init__(self, graph: ModelGraph, parameters: Mapping[str, Any], field: str) -> None:
        """Take a graph that was proved, its parameters, and a field of stages."""
        self._graph, self._parameters, self._field = graph, parameters, field
        self._last = len(graph.fields[field].stages) - 1
        self._days = MOST_INTERVALS // len(graph.nodes)  # that may still be looked at

    def stays(self) -> Laws:
        """Return the laws of days in the stages between the first and the last; none where it is not proved."""
        if not 2 <= self._last < MOST_STAGES or not self._ends():
            return ()
        return next((laws for name in self._timers() if (laws := self._laws(name))), ())

    def _ends(self) -> bool:
        """Tell whether agents go from the first stage to the second alone, stay in the last, and begin as is assumed.

        Whom nobody knows to be elsewhere begins in the first stage, or in the last but one.
        """
        graph, root, begun = self._graph, self._graph.update.get(self._field), self._graph.begin[self._field]
        if root is None or not self._leaves(begun) <= {0, self._last - 1}:
            return False
        first, last = (bounds_of(graph, {self._field: (stage, stage)})[root] for stage in (0, self._last))
        return first == TRUTH and last == (self._last, self._last)

    def _leaves(self, root: int) -> set[int]:
        """Return what a number of the beginning may be, where nobody knows better; -1 for what is no constant."""
        found, leaves, todo = bounds_of(self._graph, known=UNKNOWN), set[int](), [root]
        while todo:
            node = self._graph.nodes[_branch(self._graph, found, todo.pop())]
            if node.op == "where":
                todo += node.inputs[1:]
            else:
                leaves.add(node.numbers[0] if node.op == "constant" else -1)
        return leaves

    def _timers(self) -> Iterator[str]:
        fields = self._graph.fields
        return (name for name in sorted(self._graph.update) if not fields[name].stages and not fields[name].private)

    def _laws(self, timer: str) -> Laws:
        """Return the laws by which a timer is set when each stage begins; none where it does not count all of them."""
        laws, before = list[tuple[int, ...]](), {self._field: (0, 0)}
        for stage in range(1, self._last):
            law = self._law_from(before, timer, stage)
            if law is None or not self._begins(timer, stage, law):
                return ()
            laws.append(self._weights(law))
            self._days -= len(laws[-1])
            if self._days < 0 or not all(self._counts(timer, stage, left) for left in range(2, len(laws[-1]) + 1)):
                return ()
            before = {self._field: (stage, stage), timer: (1, 1)}
        last = bounds_of(self._graph, before)[self._graph.update[self._field]]
        return tuple(laws) if last == (self._last, self._last) else ()

    def _weights(self, law: GraphNode) -> tuple[int, ...]:
        return law.numbers if law.op == "table" else tuple(self._parameters[law.name][0].tolist())

    def _counts(self, timer: str, stage: int, left: int) -> bool:
        """Tell whether an agent with so many days left stays, and has one less in the next step."""
        found = bounds_of(self._graph, {self._field: (stage, stage), timer: (left, left)})
        after = [found[self._graph.update[name]] for name in (self._field, timer)]
        return after == [(stage, stage), (left - 1, left - 1)]

    def _begins(self, timer: str, stage: int, law: GraphNode) -> bool:
        """Tell whether whoever begins in a stage has a timer of its law, or of what is left of that."""
        graph, root, held = self._graph, self._graph.begin[self._field], dict[int, Interval]()
        while graph.nodes[root].op == "where" and graph.nodes[graph.nodes[root].inputs[0]].op == "known":
            held[root] = (stage, stage)  # what is known of a stage is looked at often
            root = graph.nodes[root].inputs[2]
        found = bounds_of(graph, nodes=held | {root: (stage, stage)})
        node = graph.nodes[_branch(graph, found, graph.begin[timer])]
        return node.op == "days" and graph.nodes[node.inputs[0]] == law

    def _law_from(self, before: Mapping[str, Interval], timer: str, stage: int) -> GraphNode | None:
        """Return the law of the timer of agents that come to a stage in this step."""
        graph, update = self._graph, self._graph.update
        found = bounds_of(graph, before, bits=(1, 1))
        if found[update[self._field]] != (stage, stage):
            return None
        node = graph.nodes[_branch(graph, found, update[timer])]
        if node.op != "field" or node.name not in graph.begin or node.name in update:
            return None
        found = bounds_of(graph, known=UNKNOWN)
        drawn = graph.nodes[_branch(graph, found, graph.begin[node.name])]
        if drawn.op != "days" or any(found[index] != (0, 0) for index in drawn.inputs[1:]):
            return None
        return graph.nodes[drawn.inputs[0]]


def _branch(graph: ModelGraph, found: Sequence[Interval], root: int) -> int:
    """Return the node that a choice comes to, as far as intervals decide it."""
    node = graph.nodes[root]
    while node.op == "where" and found[node.inputs[0]] in ((0, 0), (1, 1)):
        root = node.inputs[1 if found[node.inputs[0]] == (1, 1) else 2]
        node = graph.nodes[root]
    return root
