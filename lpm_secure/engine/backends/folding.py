"""A model's graph for the agents of one stage: what the stage decides is decided before any agent is looked at.

Of most agents a step changes little: some hear nothing any more, some wait. With the stage known,
intervals decide most conditions, and what is left is what such agents really need. Numbers that are drawn at the
beginning and never change need not be stored either: they are drawn again where one is needed.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, final

import msgspec

from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.graph import DRAWS, PARTS
from protocols.models.graph.operations import Interval

Stages = Mapping[str, int]  # of each field that is known, its value
MOST_STAGES: Final = 8  # for each of which a loop has a branch
NEUTRAL: Final = {
    "add": [0],
    "subtract": [0],
    "multiply": [1],
    "divide": [1],
    "left": [0],
    "right": [0],
}  # on the right
EXTREMES: Final = ("minimum", "maximum")
COSTLY: Final = frozenset({*DRAWS, "outcome", "divide", "modulo"})


def stages_of(graph: ModelGraph) -> list[Stages]:
    """Return the stages that a loop tells apart: all combinations of the stage fields, or of the largest one alone."""
    fields = {name: each.high + 1 for name, each in graph.fields.items() if each.stages}
    product = [dict(zip(fields, each, strict=True)) for each in itertools.product(*map(range, fields.values()))]
    if len(product) <= MOST_STAGES:
        return list(product)
    fitting = {name: count for name, count in fields.items() if count <= MOST_STAGES}
    largest = max(fitting, key=lambda name: fitting[name], default="")
    return [{largest: value} for value in range(fitting[largest])] if largest else [{}]


def constants_of(graph: ModelGraph) -> frozenset[str]:
    """Return the fields that are drawn at the beginning, from nothing but private columns, and never change."""
    still = {
        name
        for name, each in graph.fields.items()
        if not each.private and (name not in graph.update or _is_field(graph, graph.update[name], name))
    }
    drawn = beginning_of(graph, still)
    return frozenset(name for name in still if not _reads(drawn, drawn.begin[name]))


def _reads(graph: ModelGraph, root: int) -> bool:
    """Return whether a node depends on a field of the state."""
    nodes = (graph.nodes[number] for number in ancestors_of(graph, [root]))
    return any(node.op == "field" and not graph.fields[node.name].private for node in nodes)


def uniform_of(graph: ModelGraph) -> frozenset[str]:
    """Return the fields that are the same number for all agents in each step, such as the one that counts steps."""
    uniform = {name for name, each in graph.fields.items() if not each.private and not each.stages}
    shrinks = True
    while shrinks:
        same = {name for name in uniform if all(_is_uniform(graph, root, uniform) for root in _roots(graph, name))}
        shrinks, uniform = same != uniform, same
    return frozenset(uniform)


def _roots(graph: ModelGraph, name: str) -> list[int]:
    return [graph.begin[name], *([graph.update[name]] if name in graph.update else [])]


def _is_uniform(graph: ModelGraph, root: int, uniform: set[str]) -> bool:
    nodes = (graph.nodes[number] for number in ancestors_of(graph, [root]))
    mixed = (*DRAWS, "outcome", "cell", "size", "edge")
    return all(node.op not in mixed and (node.op != "field" or node.name in uniform) for node in nodes)


def _is_field(graph: ModelGraph, root: int, name: str) -> bool:
    return graph.nodes[root].op == "field" and graph.nodes[root].name == name


@final
@dataclass(slots=True)
class _Folder:
    """Copies nodes of a graph, simplified.

    Attributes:
        begun: of fields that stand for what was drawn at the beginning, the node that draws it.
        nodes, numbers, costly: of the copy.
        copies: of each node of the graph that is copied, its number there.
    """

    graph: ModelGraph
    intervals: tuple[Interval, ...]
    begun: dict[str, int] = field(default_factory=dict)
    nodes: list[GraphNode] = field(default_factory=list)
    numbers: dict[GraphNode, int] = field(default_factory=dict)
    costly: list[bool] = field(default_factory=list)
    copies: dict[int, int] = field(default_factory=dict)

    def copy(self, roots: Mapping[str, int]) -> dict[str, int]:
        """Copy what roots are computed from, in order, and return the copies of the roots."""
        for number in ancestors_of(self.graph, list(roots.values())):
            if number not in self.copies:
                self.copies[number] = self._copy(number)
        return {name: self.copies[root] for name, root in roots.items()}

    def begin(self, fields: Iterable[str]) -> None:
        """Copy what draws some fields, for which these then stand."""
        drawn = self.copy({name: self.graph.begin[name] for name in sorted(fields)})
        self.begun |= drawn
        self.copies.clear()

    def _copy(self, number: int) -> int:
        node, (low, high) = self.graph.nodes[number], self.intervals[number]
        if node.op == "known":
            return self._constant(0)
        if low == high and node.op != "table" and not self._is_table(node):
            return self._constant(low)
        if node.op == "field" and node.name in self.begun:
            return self.begun[node.name]
        if node.op in EXTREMES:
            (low, high), (least, most) = (self.intervals[index] for index in node.inputs)
            for mine, decided in enumerate((high <= least, most <= low)):
                if decided:
                    return self.copies[node.inputs[mine if node.op == "minimum" else 1 - mine]]
        inputs = tuple(self.copies[index] for index in node.inputs)
        return self._simplified(msgspec.structs.replace(node, inputs=inputs))

    def _is_table(self, node: GraphNode) -> bool:
        return node.op == "parameter" and self.graph.parameters[node.name].length > 0

    def _simplified(self, node: GraphNode) -> int:
        values = [self._value(index) for index in node.inputs]
        if node.op == "where":
            _, yes, no = node.inputs
            if values[0] is not None or yes == no:
                return yes if values[0] or yes == no else no
        if node.op in ("and", "or"):
            for mine, other in ((0, 1), (1, 0)):
                if values[mine] is not None:
                    return node.inputs[other] if values[mine] == (node.op == "and") else self._constant(values[mine])
        if node.op == "integer" and values[0] is not None:
            return self._constant(values[0])
        if node.op in NEUTRAL and values[1:] == NEUTRAL[node.op]:
            return node.inputs[0]
        if node.op == "and":
            cheap, dear = sorted(node.inputs, key=lambda index: self.costly[index])
            if self.costly[dear] and not self.costly[cheap]:
                return self._add(GraphNode("where", (cheap, dear, self._constant(0))))
        return self._add(node)

    def _value(self, number: int) -> int | None:
        node = self.nodes[number]
        return node.numbers[0] if node.op == "constant" else None

    def _constant(self, value: int | None) -> int:
        return self._add(GraphNode("constant", numbers=(int(value or 0),)))

    def _add(self, node: GraphNode) -> int:
        if node not in self.numbers:
            self.numbers[node] = len(self.nodes)
            self.nodes.append(node)
            self.costly.append(node.op in COSTLY or any(self.costly[index] for index in node.inputs))
        return self.numbers[node]


def fold(
    graph: ModelGraph, stages: Stages, *, redrawn: frozenset[str] = frozenset(), zero: Iterable[str] = ()
) -> ModelGraph:
    """Return the graph for agents in these stages.

    Args:
        graph: checked and proved.
        stages: of fields, the value that agents have at a step's beginning.
        redrawn: fields that never change and are not stored: the nodes that draw them take their place. Nobody knows
            one beforehand.
        zero: outcomes that are 0 for these agents.
    """
    if zero:
        still = [node.op == "outcome" and node.name in zero for node in graph.nodes]
        nodes = (
            GraphNode("constant", numbers=(0,)) if each else node for node, each in zip(graph.nodes, still, strict=True)
        )
        graph = msgspec.structs.replace(graph, nodes=tuple(nodes))
    folder = _Folder(graph, bounds_of(graph))
    folder.begin(redrawn)
    folder.intervals = bounds_of(graph, {name: (value, value) for name, value in stages.items()})
    parts = {part: folder.copy(graph.parts[part]) for part in PARTS if part != "begin"}
    return msgspec.structs.replace(graph, nodes=tuple(folder.nodes), begin=folder.begun, **parts)


def beginning_of(graph: ModelGraph, fields: Iterable[str]) -> ModelGraph:
    """Return the graph whose `begin` draws some fields, and whose thresholds are those of that moment."""
    folder = _Folder(graph, bounds_of(graph))
    folder.begin(graph.begin)
    thresholds = folder.copy(graph.thresholds)
    begin = {name: folder.begun[name] for name in sorted(fields)}
    return msgspec.structs.replace(graph, nodes=tuple(folder.nodes), begin=begin, thresholds=thresholds)


def values_of(graph: ModelGraph, root: int, stages: Stages) -> frozenset[int] | None:
    """Return what a node of a folded graph can be, or None where it is not followed."""
    values: dict[int, frozenset[int] | None] = {}
    for number in ancestors_of(graph, [root]):
        node, found = graph.nodes[number], None
        if node.op == "constant":
            found = frozenset({node.numbers[0]})
        elif node.op == "field" and node.name in stages:
            found = frozenset({stages[node.name]})
        elif node.op == "where":
            yes, no = (values[index] for index in node.inputs[1:])
            found = None if yes is None or no is None else yes | no
        values[number] = found
    return values[root]
