"""The tracer: calls a model's methods once, with symbols, and returns what they did as a graph."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import msgspec

from lpm_secure.models.composition import compose, declarations
from lpm_secure.models.declarations import Message, Observable, Outcome, Parameter, Public, State
from lpm_secure.models.mistake import mistakes_of
from lpm_secure.models.model import Model
from lpm_secure.models.symbols import Symbol
from protocols.errors import BoundError, ModelError, ParameterError
from protocols.models import graph as g
from protocols.models.graph.bounds import prove
from protocols.models.graph.checks import check
from protocols.models.graph.graph import MAX_NODES, PARTS, decode, encode


@final
@dataclass(frozen=True, slots=True)
class Trace:
    """A model, traced.

    Attributes:
        graph: checked, and its bounds proved.
        lines: of each node, file and line of its author; they are no part of what the model is.
        parameters: integers by default, a tuple of them for a law.
    """

    graph: g.ModelGraph
    lines: tuple[str, ...]
    parameters: Mapping[str, int | tuple[int, ...]]


def trace(model: type[Model]) -> Trace:
    """Return a model's graph, checked and proved.

    Raises:
        ModelError: in one line with the place in its author's file: what is wrong, what is allowed, what to do.
    """
    with mistakes_of("the model"):
        graph, lines = _trace(model)
        again, _ = _trace(model)
        if graph.identity != again.identity:
            raise ModelError(
                f"{model.__name__} is another model each time it is looked at: it uses dice, a clock or a state "
                "outside of the model; use draw"
            )
        parameters = {name: _default(model, each) for name, each in _of(model, Parameter).items()}
    try:
        check(graph)
        prove(graph)
    except BoundError as error:
        reason = str(error).partition(": ")[2].replace("; clip it, or", "; clip it (lpm.clip), or")
        raise ModelError(f"{lines[error.node]}: {reason}") from error
    return Trace(graph, lines, parameters)


@final
@dataclass(slots=True)
class _Builder:
    """Nodes in the order of their first use; equal ones are one."""

    nodes: list[g.GraphNode] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    numbers: dict[Any, int] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    alive: list[Symbol] = field(default_factory=list)  # so that no id is given twice

    def add(self, root: Symbol) -> int:
        """Return the number of a symbol's node, with all that it is computed from before it."""
        todo = [root]
        while todo:
            each = todo[-1]
            missing = [x for x in each.inputs if id(x) not in self.seen]
            if missing:
                todo.extend(reversed(missing))
                continue
            todo.pop()
            if id(each) not in self.seen:
                self.alive.append(each)
                self.seen[id(each)] = self._node(each)
        return self.seen[id(root)]

    def _node(self, each: Symbol) -> int:
        node = g.GraphNode(each.op, tuple(self.seen[id(x)] for x in each.inputs), each.name, each.numbers)
        key = (node.op, node.inputs, node.name, node.numbers)
        if key not in self.numbers:
            if len(self.nodes) == MAX_NODES:
                raise ModelError(f"{each.line}: the model has more than {MAX_NODES} operations; use a table or a sum")
            self.numbers[key] = len(self.nodes)
            self.nodes.append(node)
            self.lines.append(each.line)
        return self.numbers[key]


def _trace(model: type[Model]) -> tuple[g.ModelGraph, tuple[str, ...]]:
    fields, parts = compose(model)
    builder = _Builder()
    roots = {part: {name: builder.add(parts[part][name]) for name in sorted(parts[part])} for part in PARTS}
    channels = _of(model, Message)
    graph = g.ModelGraph(
        fields={name: _field(each) for name, each in fields.items()},
        nodes=tuple(builder.nodes),
        parameters={name: _parameter(model, each) for name, each in _of(model, Parameter).items()},
        channels={name: _channel(each) for name, each in channels.items()},
        outcomes={name: _outcome(each) for name, each in _of(model, Outcome).items()},
        observables={name: g.GraphObservable(each.low, each.high) for name, each in _of(model, Observable).items()},
        public={name: (each.low, each.high) for name, each in _of(model, Public).items()},
        begin=roots["begin"],
        messages=roots["messages"],
        along=roots["along"],
        weights=roots["weights"],
        thresholds=roots["thresholds"],
        restarts=roots["restarts"],
        totals=roots["totals"],
        update=roots["update"],
    )
    return _as_received(graph, model.__name__), tuple(builder.lines)


def _as_received(graph: g.ModelGraph, name: str) -> g.ModelGraph:
    """Return the graph as whoever is sent its bytes holds it, with its names in their order.

    Raises:
        ModelError: nobody could read it.
    """
    try:
        return decode(encode(graph))
    except (ModelError, msgspec.MsgspecError, TypeError, OverflowError) as error:
        raise ModelError(f"{name} is a graph that nobody could read: {error}; mend the declaration") from error


def _of(model: type[Model], kind: type[Any]) -> dict[str, Any]:
    return {name: each for name, each in declarations(model).items() if isinstance(each, kind)}


def _default(model: type[Model], each: Parameter) -> int | tuple[int, ...]:
    """Return a parameter's default as a graph's integers."""
    try:
        return each.integers(each.value, each.axes(declarations(model)), each.name)
    except ParameterError as error:
        raise ModelError(f"{each.line}: {error}") from error


def _parameter(model: type[Model], each: Parameter) -> g.GraphParameter:
    low, high = each.range(each.name)
    axes, numbers = each.axes(declarations(model)), _default(model, each)
    entries = math.prod(axis.count for axis in axes)
    length = len(numbers) // entries if isinstance(numbers, tuple) else 0
    shape = tuple(g.GraphAxis(axis.name, axis.low, axis.high) for axis in axes)
    if length and not axes:
        length = max(each.days, length)
    return g.GraphParameter(low, high, each.unit.name, each.unit.bits, length, entries, shape)


def _field(each: State) -> g.GraphField:
    stages, cells = ((), each.stages) if each.is_cell else (each.stages, ())
    since = each.of.name if each.of else None
    return g.GraphField(each.low, each.high, stages, each.private, each.bits, since, cells)


def _channel(each: Message) -> g.GraphChannel:
    return g.GraphChannel(each.most, each.directed, each.cell, each.along)


def _outcome(each: Outcome) -> g.GraphOutcome:
    terms = {
        channel.name: factor.name if isinstance(factor, Parameter) else factor for channel, factor in each.terms.items()
    }
    return g.GraphOutcome(terms, each.reveals, each.keep, each.threshold)
