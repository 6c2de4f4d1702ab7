"""Outcomes that are exponential clocks: their thresholds are drawn from Exp(1), so what happens has a law of its own.

Source: Sellke 1983. Given what an agent has heard, and that its level had not crossed the threshold before, it crosses
it with probability `1 - exp(-h)` where the level grows by h; nothing else of the threshold is ever seen.
"""

from typing import NamedTuple

from protocols.models.graph import ModelGraph
from protocols.models.graph.checks import ancestors_of


class Clock(NamedTuple):
    """An outcome whose threshold is a field that is drawn from Exp(1).

    Attributes:
        field: the threshold.
        bits: its fraction bits.
    """

    field: str
    bits: int


def clocks_of(graph: ModelGraph) -> dict[str, Clock]:
    """Return the exponential clocks among a model's outcomes.

    An outcome is one if it tells a bit, adds up, and is held against a field that is drawn `exponential` in `begin`,
    that nothing else looks at, and that changes, if at all, by a new draw exactly where the level begins anew.
    """
    found = {}
    for name, root in graph.thresholds.items():
        outcome, node = graph.outcomes[name], graph.nodes[root]
        if node.op != "field" or outcome.reveals != "bit" or not outcome.keep:
            continue
        drawn = graph.nodes[_draw_of(graph, graph.begin[node.name])] if node.name in graph.begin else node
        if drawn.op == "exponential" and _begins_anew(graph, name, node.name) and _is_unseen(graph, name, node.name):
            found[name] = Clock(node.name, drawn.numbers[1])
    return found


def _draw_of(graph: ModelGraph, root: int) -> int:
    """Return what a field is drawn as, where its holder does not know it."""
    node = graph.nodes[root]
    known = node.op == "where" and graph.nodes[node.inputs[0]].op == "known"
    return node.inputs[2] if known else root


def _begins_anew(graph: ModelGraph, outcome: str, name: str) -> bool:
    """Return whether a threshold is drawn anew exactly where the level begins anew, or both never."""
    root, restart = graph.update.get(name), graph.restarts.get(outcome)
    if root is None or restart is None:
        return root is None and restart is None
    node = graph.nodes[root]
    return (
        node.op == "where"
        and node.inputs[0] == restart
        and graph.nodes[node.inputs[1]].op == "exponential"
        and graph.nodes[node.inputs[2]].op == "field"
        and graph.nodes[node.inputs[2]].name == name
    )


def _is_unseen(graph: ModelGraph, outcome: str, name: str) -> bool:
    """Return whether nothing but one comparison looks at a threshold."""
    roots = [
        root
        for part, owned in graph.parts.items()
        for owner, root in owned.items()
        if (part, owner) not in (("thresholds", outcome), ("update", name), ("begin", name))
    ]
    if name in graph.update:
        roots.append(graph.nodes[graph.update[name]].inputs[0])
    return not any(
        graph.nodes[number].op == "field" and graph.nodes[number].name == name for number in ancestors_of(graph, roots)
    )
