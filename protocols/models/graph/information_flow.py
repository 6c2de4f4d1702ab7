"""What each part of a model depends on: read off the graph, for the consent page.

Source: Denning, A lattice model of secure information flow (Communications of the ACM 19, 1976).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.graph import DRAWS, ModelGraph


@final
@dataclass(frozen=True, slots=True)
class Flow:
    """What a number of a model depends on directly: fields of the state, draws, outcomes, public numbers."""

    fields: tuple[str, ...]
    draws: tuple[str, ...]
    outcomes: tuple[str, ...]
    public: tuple[str, ...]


def flows(graph: ModelGraph, part: str) -> Mapping[str, Flow]:
    """Return what each name of a part looks at itself."""
    result = {}
    for name, root in graph.parts[part].items():
        nodes = [graph.nodes[number] for number in ancestors_of(graph, [root])]
        result[name] = Flow(
            tuple(sorted({node.name for node in nodes if node.op == "field"})),
            tuple(sorted({node.name for node in nodes if node.op in DRAWS})),
            tuple(sorted({node.name for node in nodes if node.op == "outcome"})),
            tuple(sorted({node.name for node in nodes if node.op in ("public", "cell")})),
        )
    return result


def sources(graph: ModelGraph, part: str, name: str) -> frozenset[str]:
    """Return all fields that a number can depend on, over any number of steps.

    A message depends on fields, which depend on others by their updates, and so on; what is in nobody's update or
    begin beyond them never reaches it.
    """
    seen: set[str] = set()
    todo = list(flows(graph, part)[name].fields)
    updates, begins = flows(graph, "update"), flows(graph, "begin")
    weights, thresholds = flows(graph, "weights"), flows(graph, "thresholds")
    while todo:
        each = todo.pop()
        if each in seen:
            continue
        seen.add(each)
        for given in (updates.get(each), begins.get(each)):
            if given is not None:
                todo += given.fields
                for outcome in given.outcomes:
                    todo += [
                        field
                        for flow in (weights.get(outcome), thresholds.get(outcome))
                        if flow
                        for field in flow.fields
                    ]
    return frozenset(seen)
