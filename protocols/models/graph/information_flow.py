"""What each part of a model depends on: read off the graph, for the consent page.

Source: Denning, A lattice model of secure information flow (Communications of the ACM 19, 1976).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, final

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


NOTHING: Final = Flow((), (), (), (), ())


def flows(graph: ModelGraph, part: str) -> Mapping[str, Flow]:
    """Return what each name of a part looks at itself.

    Where an agent's cell is a field, what it tells its cell, and hears there, depends on that.
    """
    result, place = {}, {graph.cell_field} if graph.cell_field else set[str]()
    for name, root in graph.parts[part].items():
        nodes = [graph.nodes[number] for number in ancestors_of(graph, [root])]
        is_told = part == "messages" and graph.channels[name].cell
        own = place if is_told or any(node.op == "cell" for node in nodes) else set[str]()
        result[name] = Flow(
            tuple(sorted(own | {node.name for node in nodes if node.op == "field"})),
            tuple(sorted({node.name for node in nodes if node.op in DRAWS})),
            tuple(sorted({node.name for node in nodes if node.op == "outcome"})),
            tuple(sorted({node.name for node in nodes if node.op == "public"})),
            tuple(sorted({node.name for node in nodes if node.op == "cell"})),
        )
    return result


def sources(graph: ModelGraph, part: str, name: str) -> Flow:
    """Return all that a number can depend on over any number of steps: fields, an agent's own or others', and the rest.

    A message depends on fields, which depend on others by their updates and by outcomes, which depend on what decides
    their weights, thresholds and restarts, and on messages, and so on; what is in none of these never reaches it.
    """
    parts = {each: flows(graph, each) for each in graph.parts}
    messages = {**parts["messages"], **parts["along"]}
    todo, seen = [parts[part][name]], NOTHING
    while todo:
        flow, before = todo.pop(), seen
        seen = _joined(flow, before)
        for each in set(flow.fields) - set(before.fields):
            todo += [parts[of][each] for of in ("begin", "update") if each in parts[of]]
        for each in set(flow.outcomes) - set(before.outcomes):
            todo += [parts[of][each] for of in ("weights", "thresholds", "restarts") if each in parts[of]]
            todo += [messages[channel] for channel in graph.outcomes[each].coefficients]
        todo += [messages[channel] for channel in set(flow.cells) - set(before.cells)]
    return seen


def _joined(one: Flow, other: Flow) -> Flow:
    kinds = (field.name for field in fields(Flow))
    return Flow(*(tuple(sorted({*getattr(one, kind), *getattr(other, kind)})) for kind in kinds))
