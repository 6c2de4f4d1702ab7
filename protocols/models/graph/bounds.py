"""Bounds of a graph by intervals: nothing wraps, every field stays in its range, no message is louder than declared.

Source: Moore, Interval Analysis (1966). Intervals forget how numbers hang together, so a bound may be wider than the
    truth; then its author says more: a clip, or a narrower field.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from protocols.arithmetic.distributions import check_law
from protocols.errors import BoundError, ParameterError
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.draws import COUNTS, LARGEST, LAW_TOTAL, SPELL
from protocols.models.graph.graph import DRAWS, GraphNode, GraphOutcome, ModelGraph
from protocols.models.graph.kinds import OPERANDS
from protocols.models.graph.operations import OPERATIONS, TRUTH, Interval
from protocols.models.outcome import LARGEST_SUM, bound_level

NEVER: Final = -1  # in place of the node of a restart
WORD: Final = (-(2**63), 2**63 - 1)
LARGEST_CELL: Final = 2**32  # of a cell: its total, and how many mix there
EMPTY: Final[Mapping[str, Interval]] = MappingProxyType({})
NO_NODES: Final[Mapping[int, Interval]] = MappingProxyType({})


def bounds_of(
    graph: ModelGraph,
    fields: Mapping[str, Interval] = EMPTY,
    *,
    bits: Interval = TRUTH,
    known: Interval = TRUTH,
    nodes: Mapping[int, Interval] = NO_NODES,
) -> tuple[Interval, ...]:
    """Return the interval of each node; of a table that of its entries.

    Args:
        graph: that was checked.
        fields: intervals of fields that are narrower than their ranges.
        bits: of all outcomes that reveal one.
        known: of whether holders know anything.
        nodes: of other nodes.

    Raises:
        ModelError: a node could leave 64 bits, or is not defined for all that its operands can be.
    """
    found: list[Interval] = []
    for number, node in enumerate(graph.nodes):
        interval = _interval(graph, node, number, [found[index] for index in node.inputs])
        if node.op == "field":
            interval = fields.get(node.name, interval)
        if node.op == "known" or (node.op == "outcome" and graph.outcomes[node.name].reveals == "bit"):
            interval = known if node.op == "known" else bits
        interval = nodes.get(number, interval)
        if interval[0] < WORD[0] or interval[1] > WORD[1]:
            raise _unproved(number, f"{node.op} can reach {_short(interval)}, and numbers have 64 bits")
        found.append(interval)
    return tuple(found)


def _unproved(node: int, reason: str) -> BoundError:
    return BoundError(f"node {node}: {reason}; clip it, or declare narrower fields", node)


def prove(graph: ModelGraph) -> tuple[Interval, ...]:
    """Return the interval of each node, where all that a model declares holds.

    Raises:
        BoundError: a field leaves its range, a message is louder than declared, a number could wrap, or a threshold
            changes more often than is declared.
    """
    bounds = bounds_of(graph)
    for part, ranges in (
        ("begin", {name: (field.low, field.high) for name, field in graph.fields.items()}),
        ("update", {name: (field.low, field.high) for name, field in graph.fields.items()}),
        ("along", {name: (0, channel.most) for name, channel in graph.channels.items()}),
        ("messages", {name: (0, channel.most) for name, channel in graph.channels.items()}),
        ("totals", {name: (each.low, each.high) for name, each in graph.observables.items()}),
        ("weights", dict.fromkeys(graph.outcomes, (0, WORD[1]))),
        ("thresholds", dict.fromkeys(graph.outcomes, (0, WORD[1]))),
    ):
        for name, root in graph.parts[part].items():
            low, high = bounds[root]
            least, most = ranges[name]
            if low < least or high > most:
                raise _unproved(
                    root, f"{part} of {name} can be {_short((low, high))}, and it is declared {_short((least, most))}"
                )
    prove_thresholds(graph)
    return bounds


def growth_bound(graph: ModelGraph, name: str, *, degree: int, parameters: Mapping[str, int] | None = None) -> int:
    """Return the most by which an outcome's level can grow in a step, before its weight.

    Args:
        name: of the outcome.
        degree: the largest sum of the weights of contacts through which one agent is told something in a step; where
            messages are made of a contact's own number, it counts 1.
        parameters: values; without them, their upper bounds.
    """
    total = 0
    for channel, factor in graph.outcomes[name].coefficients.items():
        value = factor if isinstance(factor, int) else (parameters or {}).get(factor, graph.parameters[factor].high)
        total += value * (1 if graph.channels[channel].cell else degree * graph.channels[channel].most)
    return total


def prove_levels(
    graph: ModelGraph, *, degree: int, steps: int, parameters: Mapping[str, int] | None = None, saturate: bool = False
) -> None:
    """Prove that no outcome's level leaves what is assumed of it, in a run of so many steps.

    Args:
        graph: checked and proved.
        degree: the largest sum of the weights of contacts through which one agent is told something in a step.
        steps: of the run.
        parameters: values; without them, their upper bounds.
        saturate: whether levels that `saturates` names stop growing above their threshold.

    Raises:
        WouldWrap: a level could reach 2**63, or a sum that is revealed exceed 2**57.
    """
    bounds = bounds_of(graph)
    for name, outcome in graph.outcomes.items():
        weight = bounds[graph.weights[name]][1] if name in graph.weights else 1
        growth = growth_bound(graph, name, degree=degree, parameters=parameters) * weight
        if saturate and saturates(outcome):
            bound_level(name, growth + bounds[graph.thresholds[name]][1], reveals=outcome.reveals)
        else:
            bound_level(name, growth * (steps if outcome.keep else 1), reveals=outcome.reveals)


def saturates(outcome: GraphOutcome) -> bool:
    """Return whether a level that is above its threshold stays there until it begins anew, however it grows."""
    return outcome.keep and outcome.reveals == "bit" and outcome.threshold != "step"


def _interval(graph: ModelGraph, node: GraphNode, number: int, operands: list[Interval]) -> Interval:
    if node.op in OPERATIONS:
        operation = OPERATIONS[node.op]
        asks = operation.requires(*operands)
        if asks:
            raise _unproved(number, f"{node.op} needs {asks}")
        return operation.interval(*operands)
    if node.op in DRAWS:
        return _drawn(graph, node, number, operands)
    if node.op == "lookup":
        entries = _entries(graph, graph.nodes[node.inputs[0]])
        if operands[1][0] < 0 or operands[1][1] >= entries:
            raise _unproved(number, f"a table of {entries} entries is read at {_short(operands[1])}")
        return operands[0]
    return _leaf(graph, node)


def _entries(graph: ModelGraph, node: GraphNode) -> int:
    if node.op == "table":
        return len(node.numbers)
    parameter = graph.parameters[node.name]
    return parameter.length * parameter.rows


def _drawn(graph: ModelGraph, node: GraphNode, number: int, operands: list[Interval]) -> Interval:
    if node.op == "happens":
        if operands[0][0] < 0 or operands[0][1] > LAW_TOTAL:
            raise _unproved(number, f"a probability is 0 to 2**32; it can be {_short(operands[0])}")
        return TRUTH
    if node.op == "exponential":
        return 0, LARGEST << node.numbers[1]
    if node.op == "uniform":
        low, count = operands
        if count[0] < 1 or count[1] > COUNTS:
            raise _unproved(number, f"a uniform draw has 1 to 2**31 values; it can have {_short(count)}")
        return low[0], low[1] + count[1] - 1
    law = graph.nodes[node.inputs[0]]
    if law.op == "table":
        _check_table(law, number)
    elif graph.parameters[law.name].unit != "law":
        raise _unproved(number, f"days are drawn by {law.name}, whose unit is {graph.parameters[law.name].unit}")
    rows = graph.parameters[law.name].rows if law.op == "parameter" else 1
    if operands[1][0] < 0 or operands[1][1] >= rows:
        raise _unproved(number, f"there are {rows} laws of days, and number {_short(operands[1])} is asked for")
    longest = _entries(graph, law) // rows
    if node.numbers[0] == SPELL or len(operands) == len(OPERANDS["days"]) or operands[2] == (0, 0):
        return 1, longest
    if operands[2][0] < 0:
        raise _unproved(number, f"days that have passed can be {_short(operands[2])}")
    return 0, longest


def _check_table(law: GraphNode, number: int) -> None:
    try:
        check_law(law.numbers, "a law of days")
    except ParameterError as error:
        raise BoundError(f"node {number}: {error}", number) from error


def _leaf(graph: ModelGraph, node: GraphNode) -> Interval:
    if node.op in ("constant", "table"):
        return min(node.numbers), max(node.numbers)
    if node.op in ("field", "parameter"):
        declared = graph.fields[node.name] if node.op == "field" else graph.parameters[node.name]
        return declared.low, declared.high
    if node.op == "public":
        return graph.public[node.name]
    if node.op == "edge":
        return graph.channels[node.name].along or (0, 0)
    if node.op == "outcome":
        return TRUTH if graph.outcomes[node.name].reveals == "bit" else (0, LARGEST_SUM)
    return TRUTH if node.op == "known" else (0, LARGEST_CELL)


def _short(interval: Interval) -> str:
    return " to ".join(_number(bound) for bound in interval)


def _number(bound: int) -> str:
    if abs(bound) < 10**6:
        return str(bound)
    return f"{'-' if bound < 0 else ''}2**{math.log2(abs(bound)):.1f}".removesuffix(".0")


def prove_thresholds(graph: ModelGraph) -> None:
    """Prove that one which is told once never changes, and one that is told at a restart not without it.

    The proof of the latter is its form: where fields that it is made of change, they do so by
    `where(restart, new, old)`, or under a condition that is `restart and` another.

    Raises:
        BoundError: one changes.
    """
    groups: dict[int, list[str]] = defaultdict(list)
    for name in graph.thresholds:
        when = graph.outcomes[name].threshold
        if when != "step":
            groups[graph.restarts.get(name, NEVER) if when == "restart" else NEVER].append(name)
    for restart, names in groups.items():
        same = _unchanged(graph, restart)
        for number in ancestors_of(graph, [graph.thresholds[name] for name in names]):
            node = graph.nodes[number]
            update = graph.update.get(node.name) if node.op == "field" else None
            if update is not None and same.get(update) != node.name:
                _refuse_change(graph, names, number, update)


def _unchanged(graph: ModelGraph, restart: int) -> dict[int, str]:
    """Return nodes that are a field as it was, at least where the node of a restart is false, and which field."""
    implies, same = set[int](), dict[int, str]()
    for number, node in enumerate(graph.nodes):
        if number == restart or (node.op == "and" and implies & set(node.inputs)):
            implies.add(number)
        if node.op == "field":
            same[number] = node.name
        elif node.op == "where":
            condition, new, old = node.inputs
            if old in same and (condition in implies or same.get(new) == same[old]):
                same[number] = same[old]
    return same


def _refuse_change(graph: ModelGraph, names: list[str], number: int, update: int) -> NoReturn:
    name = next(name for name in names if number in ancestors_of(graph, [graph.thresholds[name]]))
    root, node = graph.thresholds[name], graph.nodes[number]
    if graph.outcomes[name].threshold == "once":
        said = f'told once, and {node.name} changes it; keep it as it was, or declare threshold="restart" or "step"'
    else:
        said = (
            f"told at each restart, and {node.name} changes it without one; update that by where(restart, new, old), "
            'or declare threshold="step"'
        )
    raise BoundError(f"node {root}: the threshold of {name} is {said}", update)
