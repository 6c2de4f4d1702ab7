"""The interpreter: a graph's parts on numpy, for any number of agents; what every back end must equal, bit for bit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError
from protocols.models.graph import draws
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.graph import DRAWS, GraphNode, ModelGraph
from protocols.models.graph.operations import OPERATIONS

Array = Any  # int64[n] or bool[n]
Root = tuple[str, str]  # a part of a model, and a name in it
TOGETHER: Final = 2**14  # agents: all nodes' values of so many are held at a time, whatever the graph


@final
@dataclass(frozen=True, slots=True)
class Inputs:
    """What an agent may look at.

    Attributes:
        state: int64[n] of each field.
        parameters: a number, or int64[rows, length], of each parameter.
        source: of random words.
        public: the environment's numbers of the step; of replicates int64[n] each.
        outcomes: bool[n] or int64[n] of each outcome.
        cells, sizes: int64[n] of each cell channel: the total of the agent's own cell, and how many mix there.
        known: bool[n] of each field: whether its holder knows it, at the beginning.
        edges: int64[n] of a channel: the own number of a contact; n contacts then, each with its sender's state.
    """

    state: Mapping[str, I64] = field(repr=False)
    parameters: Mapping[str, I64 | int]
    source: draws.DrawSource
    public: Mapping[str, Any] = field(default_factory=dict)
    outcomes: Mapping[str, Array] = field(default_factory=dict, repr=False)
    cells: Mapping[str, I64] = field(default_factory=dict, repr=False)
    sizes: Mapping[str, I64] = field(default_factory=dict, repr=False)
    known: Mapping[str, Array] = field(default_factory=dict, repr=False)
    edges: Mapping[str, I64] = field(default_factory=dict, repr=False)

    def of(self, part: slice) -> "Inputs":
        """Return those of a part of the agents."""
        each = ("state", "outcomes", "cells", "sizes", "known", "edges")
        own = {kind: {name: values[part] for name, values in getattr(self, kind).items()} for kind in each}
        public = {name: value if np.ndim(value) == 0 else value[part] for name, value in self.public.items()}
        return replace(self, source=self.source.of(part), public=public, **own)


def evaluate(graph: ModelGraph, parts: Sequence[str], inputs: Inputs) -> dict[str, dict[str, I64]]:
    """Return parts of a model for all agents, int64[n] by part and name; booleans are 0 and 1.

    Args:
        graph: checked.
        parts: of `ModelGraph.parts`; what they share is computed once.
        inputs: what the parts may look at.
    """
    roots = {(part, name): root for part in parts for name, root in graph.parts[part].items()}
    n, nodes = inputs.source.agents.size, ancestors_of(graph, list(roots.values()))
    slices = [slice(start, start + TOGETHER) for start in range(0, max(n, 1), TOGETHER)]
    each = [_evaluate(graph, roots, nodes, inputs.of(own) if len(slices) > 1 else inputs) for own in slices]
    whole = each[0] if len(each) == 1 else {root: np.concatenate([own[root] for own in each]) for root in roots}
    return {part: {name: whole[part, name] for name in graph.parts[part]} for part in parts}


def check_elapsed(graph: ModelGraph, inputs: Inputs) -> None:
    """Refuse agents that have been in a stage for longer than the law of its days knows.

    Args:
        graph: checked.
        inputs: of the beginning.

    Raises:
        DataError: by its row.
    """
    for name, since in graph.fields.items():
        if since.elapsed is not None and np.any(inputs.known[name]):
            late = _find_late(graph, inputs)
            if late.any():
                row = int(np.argmax(late))
                stage = graph.fields[since.elapsed].stages[int(inputs.state[since.elapsed][row])]
                what = f"{since.elapsed} {stage} lasts less long by its law than {name} says"
                raise DataError(f"agent {row + 1}: {what}", row + 1)


def _find_late(graph: ModelGraph, inputs: Inputs) -> Array:
    """Return whose beginning depends on a draw of days of which none is left, bool[n]."""
    values: dict[int, Array] = {}
    late: dict[int, Array] = {}
    for number in ancestors_of(graph, list(graph.begin.values())):
        node = graph.nodes[number]
        operands, each = ([of[index] for index in node.inputs] for of in (values, late))
        values[number] = value_of(node, operands, inputs)
        if node.op == "where":
            each = [each[0], np.where(operands[0], each[1], each[2])]
        if node.op == "days":
            each.append(values[number] == 0)
        late[number] = reduce(np.logical_or, each, np.bool_(False))
    nobody = np.zeros(inputs.source.agents.size, dtype=np.bool_)
    return reduce(np.logical_or, (late[root] for root in graph.begin.values()), nobody)


def _evaluate(graph: ModelGraph, roots: Mapping[Root, int], nodes: list[int], inputs: Inputs) -> dict[Root, I64]:
    values: dict[int, Array] = {}
    with np.errstate(over="ignore"):
        for number in nodes:
            node = graph.nodes[number]
            values[number] = value_of(node, [values[index] for index in node.inputs], inputs)
    n = inputs.source.agents.size
    return {name: _column(values[root], n) for name, root in roots.items()}


def _column(value: Array, n: int) -> I64:
    return np.array(np.broadcast_to(np.asarray(value), (n,)), dtype=np.int64)


def value_of(node: GraphNode, operands: list[Array], inputs: Inputs) -> Array:
    """Return a node's value from those of its operands."""
    if node.op in OPERATIONS:
        return OPERATIONS[node.op].value(*operands)
    if node.op in DRAWS:
        return _draw(node, operands, inputs)
    if node.op == "lookup":
        return np.atleast_1d(operands[0]).reshape(-1)[operands[1]]
    if node.op == "constant":
        return np.int64(node.numbers[0])
    if node.op == "table":
        return np.array(node.numbers, dtype=np.int64)
    held: Mapping[str, Mapping[str, Array]] = {
        "field": inputs.state,
        "parameter": inputs.parameters,
        "public": inputs.public,
        "outcome": inputs.outcomes,
        "cell": inputs.cells,
        "size": inputs.sizes,
        "known": inputs.known,
        "edge": inputs.edges,
    }
    value = held[node.op][node.name]
    return np.int64(value) if isinstance(value, int) else value


def _draw(node: GraphNode, operands: list[Array], inputs: Inputs) -> Array:
    moment = node.numbers[0]
    spell = operands.pop() if moment == draws.SPELL else 0
    word = inputs.source.words(node.name, moment, spell)
    if node.op == "happens":
        return draws.happens(word, operands[0])
    if node.op == "uniform":
        return draws.uniform(word, operands[0], operands[1])
    if node.op == "exponential":
        return draws.exponential(word, node.numbers[1])
    return draws.days(word, np.atleast_2d(operands[0]), *operands[1:])
