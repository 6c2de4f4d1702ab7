"""Ranges that fields never leave in a run, from its parameters: often far within what a model declares for all runs."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np

from protocols.models.graph import ModelGraph
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.graph import GraphParameter
from protocols.models.graph.operations import Interval

STEPS: Final = 8  # after which a range that still grows is taken as declared


def ranges_of(graph: ModelGraph, parameters: Mapping[str, Any]) -> dict[str, Interval]:
    """Return an interval of each field, by going on from the beginning's until no step leaves them.

    Args:
        graph: checked and proved.
        parameters: of the run, checked: a number, or int64[rows, length], of each.

    Source: Cousot and Cousot, Abstract interpretation (POPL 1977); a range that goes on growing is widened at once.
    """
    exact = {graph.nodes[node.inputs[0]].name for node in graph.nodes if node.op == "lookup"}
    own = {name: _of_run(each, parameters[name], exact=name in exact) for name, each in graph.parameters.items()}
    graph = msgspec.structs.replace(graph, parameters=own)
    declared = {name: (each.low, each.high) for name, each in graph.fields.items()}
    begun = bounds_of(graph, known=(0, 0))
    ranges = declared | {name: begun[root] for name, root in graph.begin.items()}
    for step in range((len(ranges) + 1) * STEPS):
        bounds = bounds_of(graph, ranges)
        grown = {name: _hull(ranges[name], bounds[root]) for name, root in graph.update.items()}
        grown = {name: each for name, each in grown.items() if each != ranges[name]}
        if not grown:
            return ranges
        ranges |= {name: declared[name] for name in grown} if step % STEPS == STEPS - 1 else grown
    return declared


def _hull(a: Interval, b: Interval) -> Interval:
    return min(a[0], b[0]), max(a[1], b[1])


def _of_run(parameter: GraphParameter, value: Any, *, exact: bool) -> GraphParameter:
    """Return a parameter that can be what it is in a run, and nothing else."""
    entries = np.asarray(value)
    narrow = msgspec.structs.replace(parameter, low=int(entries.min()), high=int(entries.max()))
    if parameter.unit != "law" or exact:
        return narrow
    return msgspec.structs.replace(
        narrow, length=1 + int(np.flatnonzero(entries.reshape(parameter.rows, -1).any(axis=0))[-1])
    )
