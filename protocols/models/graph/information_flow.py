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
    """What a number of a model depends on directly: fields of the state, draws, outcomes, public numbers, cells."""

    fields: tuple[str, ...]
    draws: tuple[str, ...]
    outcomes: tuple[str, ...]
    public: tuple[str, ...]
    cells: tuple[str, ...]


def flows(graph: ModelGraph, part: str) -> Mapping[str, Flow]:
    """Return what each name of a part looks at itself."""
    result = {}
    for name, root in graph.parts[part].items():
        nodes = [graph.nodes[number] for number in ancestors_of(graph, [root])]
        result[name] = Flow(
            tuple(sorted({node.name for node in nodes if node.op == "field"})),
            tuple(sorted({node.name for node in nodes if node.op in DRAWS})),
            tuple(sorted({node.name for node in nodes if node.op == "outcome"})),
            tuple(sorted({node.name for node in nodes if node.op == "public"})),
            tuple(sorted({node.name for node in nodes if node.op == "cell"})),
        )
    return result


def sources(graph: ModelGraph, part: str, name: str) -> frozenset[str]:
    """Return all fields, an agent's own or others', that a number can depend on, over any number of steps.

    A message depends on fields, which depend on others by their updates and by outcomes, which depend on what decides
    their weights, thresholds and restarts, and on messages, and so on; what is in none of these never reaches it.
    """
    seen: set[str] = set()
    parts = {each: flows(graph, each) for each in graph.parts}
    messages = {**parts["messages"], **parts["along"]}
    todo, outcomes, cells = [flows(graph, part)[name]], set[str](), set[str]()
    while todo:
        flow = todo.pop()
        for each in set(flow.fields) - seen:
            seen.add(each)
            todo += [parts[of][each] for of in ("begin", "update") if each in parts[of]]
        for each in set(flow.outcomes) - outcomes:
            outcomes.add(each)
            todo += [parts[of][each] for of in ("weights", "thresholds", "restarts") if each in parts[of]]
            todo += [messages[channel] for channel in graph.outcomes[each].coefficients]
        todo += [messages[channel] for channel in set(flow.cells) - cells]
        cells |= set(flow.cells)
    return frozenset(seen)
