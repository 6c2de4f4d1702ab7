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


def _count(graph: ModelGraph, field: str) -> int:
    count = len(graph.fields[field].stages)
    return count if count <= MOST_STAGES else 0


def _interval_in(graph: ModelGraph, root: int, field: str, stage: int) -> Interval:
    return bounds_of(graph, {field: (stage, stage)})[root]
