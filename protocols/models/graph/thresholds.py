"""When thresholds change: no more often than a model declares, since each that does asks a new question."""

from collections import defaultdict
from typing import Final, NoReturn

from protocols.errors import BoundError
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.graph import ModelGraph

NEVER: Final = -1  # in place of the node of a restart


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
                _refuse(graph, names, number, update)


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


def _refuse(graph: ModelGraph, names: list[str], number: int, update: int) -> NoReturn:
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
