"""Which fields still matter in a stage: what nobody looks at before it is set anew may be anything.

Fields of stages are followed by their values; all other fields are unknown, and every way through the graph that is
open then is taken. So what is found live may be more than there is, and never less.

Source: Aho, Lam, Sethi and Ullman, Compilers (2006), 9.2.5: live variables, backwards to a fixed point.
"""

import itertools
import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, final

from protocols.models.chain.held_draws import HeldDraw
from protocols.models.chain.paths import Path, StateView, Unknown, Value, branches
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.likelihood.clocks import Clock

Control = tuple[int, ...]  # the value of each field of stages, in the order of their names
MOST_CONTROLS: Final = 64
MOST_PATHS: Final = 256
CROSSED: Final = "crossed "  # and the name of an outcome: a field that is 1 from when its level has crossed


def stage_fields(graph: ModelGraph) -> tuple[str, ...]:
    """Return the fields of stages, in order."""
    return tuple(name for name, field in sorted(graph.fields.items()) if field.stages)


def output_roots(graph: ModelGraph) -> tuple[int, ...]:
    """Return the nodes of what an agent tells and of its observables."""
    return (*graph.messages.values(), *graph.totals.values())


@final
class _StageView(StateView):
    """Stages are known, and nothing else is."""

    def __init__(self, graph: ModelGraph, control: Control) -> None:
        self._graph, self._stages = graph, dict(zip(stage_fields(graph), control, strict=True))

    def leaf(self, path: Path, node: GraphNode) -> Value:
        if node.op == "field":
            return self._stages.get(node.name, Unknown(frozenset({node.name})))
        if node.op != "outcome":
            return Unknown(frozenset())
        weight = self._graph.weights.get(node.name)
        weighed = path.value(weight) if weight is not None else 0
        path.reads |= {CROSSED + node.name} | (weighed.fields if isinstance(weighed, Unknown) else set())
        return path.choose(("bit", node.name), (0, 1))

    def draw(self, path: Path, number: int) -> Value:
        node = self._graph.nodes[number]
        operands = [path.value(index) for index in _operands(node)]
        return Unknown(frozenset().union(*(each.fields for each in operands if isinstance(each, Unknown))))

    def longest(self, draw: HeldDraw) -> int:
        raise NotImplementedError(f"{draw.law}: no draw is made where only stages are known")

    def decide(self, path: Path, number: int, value: Value, options: tuple[int, ...]) -> int:
        path.reads |= value.fields
        return path.choose(("node", number), options)


def _operands(node: GraphNode) -> tuple[int, ...]:
    """Return what a draw's law depends on; which spell it is of tells its word, and not its law."""
    count = {"happens": 1, "uniform": 2, "days": 2}.get(node.op, 0)
    return node.inputs[1:count] if node.op == "days" else node.inputs[:count]


class LiveFields(dict[Control, frozenset[str]]):
    """By the stages that an agent is in, the fields that matter there, those of stages apart."""

    def __init__(self, graph: ModelGraph, parameters: Mapping[str, Any], clocks: Mapping[str, Clock]) -> None:
        """Follow the graph from step to step until nothing new matters."""
        self._graph, self._parameters, self._clocks = graph, parameters, clocks
        thresholds = {clock.field for clock in clocks.values()}
        self._all = frozenset(set(graph.fields) - set(stage_fields(graph)) - thresholds) | {CROSSED + c for c in clocks}
        ranges = [range(len(graph.fields[name].stages)) for name in stage_fields(graph)]
        controls = list(itertools.product(*ranges)) if math.prod(map(len, ranges)) <= MOST_CONTROLS else []
        super().__init__(dict.fromkeys(controls, frozenset()))
        while True:
            before = dict(self)
            for control in controls:
                self[control] = self._read_in(control)
            if dict(self) == before:
                break

    def __missing__(self, control: Control) -> frozenset[str]:
        """Return all fields, where stages are too many to be told apart."""
        return self._all

    def _read_in(self, control: Control) -> frozenset[str]:
        path = Path(self._graph, self._parameters, _StageView(self._graph, control))
        reads = self[control]
        stages = dict(zip(stage_fields(self._graph), control, strict=True))
        for count, (way, fields) in enumerate(branches(path, partial(self._fields, stages))):
            if count == MOST_PATHS:
                return self._all
            reads |= way.reads | fields
        return reads & self._all

    def _fields(self, stages: Mapping[str, int], path: Path) -> frozenset[str]:
        """Return what outputs and the live fields of the next state are made of."""
        graph = self._graph
        successor = tuple(
            path.demand(graph.update[name], tuple(range(len(graph.fields[name].stages))))
            if name in graph.update
            else stage
            for name, stage in stages.items()
        )
        found = [path.value(root) for root in output_roots(graph)]
        reads = frozenset[str]()
        for name in sorted(self[successor]):
            reads |= self._carried(path, name)
            if name in graph.update:
                found.append(path.value(graph.update[name]))
        return reads.union(*(each.fields for each in found if isinstance(each, Unknown)))

    def _carried(self, path: Path, name: str) -> frozenset[str]:
        """Return what a field is carried over from that no update gives."""
        if not name.startswith(CROSSED):
            return frozenset() if name in self._graph.update else frozenset({name})
        outcome = name.removeprefix(CROSSED)
        restart = self._graph.restarts.get(outcome)
        if restart is None or not path.demand(restart):
            weight = self._graph.weights.get(outcome)
            weighed = path.value(weight) if weight is not None else 0
            return frozenset({name}) | (weighed.fields if isinstance(weighed, Unknown) else frozenset())
        return frozenset()
