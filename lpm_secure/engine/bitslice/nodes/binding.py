"""A model's graph with its parameters, columns and people: in which interval each number is, and who shares it.

Intervals are those of this run, not of all that the model declares: a stay of at most nine days takes four planes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from msgspec.structs import replace

from lpm_secure.engine.backends.folding import uniform_of
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.draws import BEGIN, SPELL
from protocols.models.graph.graph import DRAWS
from protocols.models.graph.operations import Interval

ROUNDS: Final = 256  # of growing intervals, after which a field has its declared range
APART: Final = frozenset({*DRAWS, "outcome", "cell", "size", "edge"})  # what differs between agents, and between runs


@final
@dataclass(frozen=True, slots=True, eq=False)
class BoundModel:
    """A graph of which everything is known but draws.

    Attributes:
        graph: whose parameters that are numbers are constants, and in which no holder knows a field.
        intervals: of each node.
        fields: of each field.
        tables: int64[rows, length] of parameters that are tables.
        common: nodes that are the same for all agents in a step, and need not be so for all runs.
        columns: nodes that an agent's private columns alone decide, in all runs and steps alike.
        uniform: fields that are common.
    """

    graph: ModelGraph
    intervals: tuple[Interval, ...]
    fields: Mapping[str, Interval]
    tables: Mapping[str, I64]
    common: frozenset[int]
    columns: frozenset[int]
    uniform: frozenset[str]

    def entries(self, number: int) -> I64:
        """Return the entries of a node that is a table, int64[rows, length]."""
        node = self.graph.nodes[number]
        return np.array([node.numbers], dtype=np.int64) if node.op == "table" else self.tables[node.name]


def bind(
    graph: ModelGraph, parameters: Mapping[str, Any], columns: Mapping[str, I64], *, people: int, level: int, steps: int
) -> BoundModel:
    """Return a model bound to a run.

    Args:
        graph: checked and proved.
        parameters: checked: a number, or int64[rows, length], of each.
        columns: int64[n] of each private column.
        people: of the largest cell.
        level: the largest sum that an outcome reveals.
        steps: that a run has at most: what grows by each of them grows no further.
    """
    graph = _simplified(graph, parameters)
    nodes = graph.nodes
    tables = {name: value for name, value in parameters.items() if graph.parameters[name].length}
    uniform = uniform_of(graph)
    known = dict[int, Interval]()
    for number, node in enumerate(nodes):
        if node.op == "days":
            known[number] = (1, _entries(nodes[node.inputs[0]], tables).shape[1])
        elif node.op == "lookup":
            entries = _entries(nodes[node.inputs[0]], tables)
            known[number] = (int(entries.min()), int(entries.max()))
        elif node.op in ("cell", "size"):
            known[number] = (0, people)
        elif node.op == "outcome" and graph.outcomes[node.name].reveals == "sum":
            known[number] = (0, level)
    given = {
        name: (int(each.min(initial=0)), int(each.max(initial=0))) if each.size else (0, 0)
        for name, each in columns.items()
    }
    fields, intervals = _grow(graph, given, known, steps)
    own = frozenset(name for name, each in graph.fields.items() if each.private)
    return BoundModel(
        graph,
        intervals,
        fields,
        tables,
        frozenset(_depending(graph, uniform, hears=True)),
        frozenset(_depending(graph, own, hears=False)),
        uniform,
    )


def _simplified(graph: ModelGraph, parameters: Mapping[str, Any]) -> ModelGraph:
    """Return the graph with constants in place of parameters and of what nobody knows; equal nodes are one."""
    nodes, first, same = list[GraphNode](), dict[GraphNode, int](), list[int]()
    for number, each in enumerate(graph.nodes):
        given = _constant(graph, each, parameters)
        node = replace(given, inputs=tuple(same[index] for index in given.inputs))
        if (
            node.op == "days"
            and node.numbers[0] == BEGIN
            and len(node.inputs) > 2
            and _number(nodes, node.inputs[2]) == 0
        ):
            node = replace(node, inputs=node.inputs[:2])
        nodes.append(node)
        condition = _number(nodes, node.inputs[0]) if node.op == "where" else None
        if condition is not None:
            same.append(node.inputs[1 if condition else 2])
        else:
            same.append(first.setdefault(node, number))
    parts = {part: {name: same[root] for name, root in roots.items()} for part, roots in graph.parts.items()}
    return replace(graph, nodes=tuple(nodes), **parts)


def _number(nodes: list[GraphNode], number: int) -> int | None:
    return nodes[number].numbers[0] if nodes[number].op == "constant" else None


def _constant(graph: ModelGraph, node: GraphNode, parameters: Mapping[str, Any]) -> GraphNode:
    if node.op == "parameter" and not graph.parameters[node.name].length:
        return GraphNode("constant", numbers=(int(parameters[node.name]),))
    return GraphNode("constant", numbers=(0,)) if node.op == "known" else node


def _entries(node: GraphNode, tables: Mapping[str, I64]) -> I64:
    return np.array([node.numbers], dtype=np.int64) if node.op == "table" else tables[node.name]


def _grow(
    graph: ModelGraph, given: Mapping[str, Interval], known: Mapping[int, Interval], steps: int
) -> tuple[dict[str, Interval], tuple[Interval, ...]]:
    """Return intervals that no field leaves: those of the beginning, widened by so many steps, or until none grows."""
    declared = {name: (each.low, each.high) for name, each in graph.fields.items()}
    bounds = bounds_of(graph, given, nodes=known)
    fields = {
        name: given.get(name, bounds[graph.begin[name]] if name in graph.begin else declared[name]) for name in declared
    }
    for each in range(ROUNDS):
        bounds = bounds_of(graph, fields, nodes=known)
        wider = {name: _hull(fields[name], bounds[root]) for name, root in graph.update.items()}
        growing = [name for name, interval in wider.items() if interval != fields[name]]
        if not growing or each >= steps:
            break
        fields |= wider if each < ROUNDS - len(declared) else {name: declared[name] for name in growing}
    return fields, bounds


def _hull(a: Interval, b: Interval) -> Interval:
    return min(a[0], b[0]), max(a[1], b[1])


def _depending(graph: ModelGraph, fields: frozenset[str], *, hears: bool) -> set[int]:
    """Return the numbers that are made of some fields, and of public numbers where these are heard; constants too."""
    found: set[int] = set()
    for number, node in enumerate(graph.nodes):
        apart = node.op in APART or (node.op == "field" and node.name not in fields)
        if not apart and (hears or node.op != "public") and found.issuperset(node.inputs):
            found.add(number)
    return found


def sources_of(graph: ModelGraph, roots: Sequence[int]) -> set[int]:
    """Return the nodes that some are made of; the number of a draw's spell tells draws apart, and is none of them."""
    open_, found = list(roots), set[int]()
    while open_:
        number = open_.pop()
        if number not in found:
            found.add(number)
            open_ += operands_of(graph, number)
    return found


def operands_of(graph: ModelGraph, number: int) -> tuple[int, ...]:
    """Return a node's inputs, without the number of a draw's spell."""
    node = graph.nodes[number]
    return node.inputs[:-1] if node.op in DRAWS and node.numbers[0] == SPELL else node.inputs
