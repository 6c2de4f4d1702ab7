"""Bounds of a graph by intervals: nothing wraps, every field stays in its range, no message is louder than declared.

Source: Moore, Interval Analysis (1966). Intervals forget how numbers hang together, so a bound may be wider than the
    truth; then its author says more: a clip, or a narrower field.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocols.arithmetic.distributions import check_law
from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.errors import BoundError, ParameterError, WouldWrap
from protocols.models.graph.draws import COUNTS, LARGEST, LAW_TOTAL
from protocols.models.graph.graph import DRAWS, GraphNode, GraphOutcome, ModelGraph
from protocols.models.graph.operations import OPERATIONS, TRUTH, Interval
from protocols.models.graph.thresholds import prove_thresholds

WORD: Final = (-(2**63), 2**63 - 1)
LARGEST_SUM: Final = 2**57  # of exposures: what an aggregator's words hold
LARGEST_CELL: Final = 2**32  # of a cell: its total, and how many mix there
EMPTY: Final[Mapping[str, Interval]] = MappingProxyType({})


def bounds_of(graph: ModelGraph, fields: Mapping[str, Interval] = EMPTY) -> tuple[Interval, ...]:
    """Return the interval of each node; of a table that of its entries.

    Args:
        graph: that was checked.
        fields: intervals of fields that are narrower than their ranges.

    Raises:
        ModelError: a node could leave 64 bits, or is not defined for all that its operands can be.
    """
    found: list[Interval] = []
    for number, node in enumerate(graph.nodes):
        interval = _interval(graph, node, number, [found[index] for index in node.inputs])
        if node.op == "field":
            interval = fields.get(node.name, interval)
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


def bound_level(name: str, largest: int, *, reveals: str) -> int:
    """Return the largest level of an outcome, where it stays within what is assumed of it.

    Raises:
        WouldWrap: it could reach 2**63, or a sum that is revealed exceed 2**57.
    """
    level = prove_no_wrap({f"the level of {name}": largest})
    if reveals == "sum" and level > LARGEST_SUM:
        raise WouldWrap(
            f"the sum that {name} reveals could reach {_number(level)}, and must stay within 2**57: use fewer "
            "fraction bits, smaller weights or fewer steps"
        )
    return level


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
    return 1, _entries(graph, law) // rows


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
    return f"{'-' if bound < 0 else ''}2**{math.log2(abs(bound)):.1f}"
