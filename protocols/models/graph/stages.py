"""What the value of one field of stages alone decides, proved by intervals with the field held to that value."""

from collections.abc import Sequence
from typing import Final

from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.graph import ModelGraph
from protocols.models.graph.operations import Interval

MOST_STAGES: Final = 64  # of a field that is looked at stage by stage
MOST_IN_ALL: Final = 16  # stages of all fields together, where outcomes are looked for
ZERO: Final = (0, 0)
ONE: Final = (1, 1)


def speakers(graph: ModelGraph, field: str) -> tuple[int, ...]:
    """Return the stages of a field whose agents, and no others, say 1 on the one cell channel; none where it is not so.

    Args:
        graph: that was proved.
        field: of stages.
    """
    channels = [name for name, channel in graph.channels.items() if channel.cell]
    if len(channels) != 1:
        return ()
    root = graph.messages[channels[0]]
    said = [_interval_in(graph, root, field, stage) for stage in range(_count(graph, field))]
    if any(interval not in (ZERO, ONE) for interval in said):
        return ()
    return tuple(stage for stage, interval in enumerate(said) if interval == ONE)


def is_left_once(graph: ModelGraph, field: str) -> bool:
    """Tell whether it is proved that no agent enters the field's first stage in a step.

    Args:
        graph: that was proved.
        field: of stages.
    """
    root, count = graph.update.get(field), _count(graph, field)
    if root is None:
        return True
    return count > 0 and all(_interval_in(graph, root, field, stage)[0] > 0 for stage in range(1, count))


def first_stages(graph: ModelGraph) -> dict[str, str]:
    """Return outcomes, each with a field of stages in whose first stage alone agents look at it, and which none enters.

    Both are proved; at most `MOST_IN_ALL` stages of all fields together are looked at.

    Args:
        graph: that was proved.
    """
    first, left = dict[str, str](), MOST_IN_ALL
    for field in sorted(graph.fields):
        count = len(graph.fields[field].stages)
        left -= count
        if count > 1 and left >= 0:
            seen = _seen_later(graph, field, count)
            first |= {name: field for name in graph.outcomes if seen is not None and name not in seen}
    return first


def _seen_later(graph: ModelGraph, field: str, count: int) -> set[str] | None:
    """Return the outcomes that agents may look at beyond a field's first stage; None where they may enter that."""
    root, seen = graph.update.get(field), set[str]()
    for stage in range(1, count):
        bounds = bounds_of(graph, {field: (stage, stage)})
        if root is not None and bounds[root][0] == 0:
            return None
        seen |= _seen(graph, bounds)
    return seen


def _seen(graph: ModelGraph, bounds: Sequence[Interval]) -> set[str]:
    """Return the outcomes that something depends on which is not constant within these bounds."""
    todo, visited, outcomes = [*graph.restarts.values(), *graph.update.values()], set[int](), set[str]()
    while todo:
        number = todo.pop()
        node, (low, high) = graph.nodes[number], bounds[number]
        if number in visited or low == high:
            continue
        visited.add(number)
        if node.op == "outcome":
            outcomes.add(node.name)
        decided = node.op == "where" and bounds[node.inputs[0]] in (ZERO, ONE)
        todo += [node.inputs[1] if bounds[node.inputs[0]] == ONE else node.inputs[2]] if decided else node.inputs
    return outcomes


def _count(graph: ModelGraph, field: str) -> int:
    count = len(graph.fields[field].stages)
    return count if count <= MOST_STAGES else 0


def _interval_in(graph: ModelGraph, root: int, field: str, stage: int) -> Interval:
    return bounds_of(graph, {field: (stage, stage)})[root]
