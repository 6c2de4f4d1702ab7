"""What the value of one field of stages alone decides, proved by intervals with the field held to that value."""

from typing import Final

from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.graph import ModelGraph
from protocols.models.graph.operations import Interval

MOST_STAGES: Final = 64  # of a field that is looked at stage by stage
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


def is_first_alone(graph: ModelGraph, outcome: str, field: str) -> bool:
    """Tell whether it is proved that agents look at an outcome in the field's first stage alone, and enter it no more.

    Args:
        graph: that was proved.
        outcome: its name.
        field: of stages.
    """
    later = range(1, _count(graph, field))
    return bool(later) and is_left_once(graph, field) and not any(_is_seen(graph, outcome, field, s) for s in later)


def _is_seen(graph: ModelGraph, outcome: str, field: str, stage: int) -> bool:
    """Tell whether anything that may depend on an outcome is not constant in a stage."""
    bounds = bounds_of(graph, {field: (stage, stage)})
    todo, seen = [*graph.restarts.values(), *graph.update.values()], set[int]()
    while todo:
        number = todo.pop()
        node, (low, high) = graph.nodes[number], bounds[number]
        if number in seen or low == high:
            continue
        if (node.op, node.name) == ("outcome", outcome):
            return True
        seen.add(number)
        decided = node.op == "where" and bounds[node.inputs[0]] in (ZERO, ONE)
        todo += [node.inputs[1] if bounds[node.inputs[0]] == ONE else node.inputs[2]] if decided else node.inputs
    return False


def _count(graph: ModelGraph, field: str) -> int:
    count = len(graph.fields[field].stages)
    return count if count <= MOST_STAGES else 0


def _interval_in(graph: ModelGraph, root: int, field: str, stage: int) -> Interval:
    return bounds_of(graph, {field: (stage, stage)})[root]
