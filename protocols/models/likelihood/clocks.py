"""Outcomes that are exponential clocks: their thresholds are drawn from Exp(1), so what happens has a law of its own.

Source: Sellke 1983. Given what an agent has heard, and that its level had not crossed the threshold before, it crosses
it with probability `1 - exp(-h)` where the level grows by h; nothing else of the threshold is ever seen.
"""

from typing import NamedTuple

from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.checks import ancestors_of


class Clock(NamedTuple):
    """An outcome whose threshold is a field that is drawn from Exp(1).

    Attributes:
        field: the threshold.
        bits: its fraction bits.
        over: the field of the agent that divides each draw, so that its hazards are multiplied by it; it never changes.
        over_bits: fraction bits of that.
    """

    field: str
    bits: int
    over: str | None = None
    over_bits: int = 0


class _Quotient(NamedTuple):
    """A draw, the node that divides it, and fraction bits of that; no node where nothing does."""

    draw: int
    over: int | None = None
    bits: int = 0


def clocks_of(graph: ModelGraph, *, divided: bool = False) -> dict[str, Clock]:
    """Return the exponential clocks among a model's outcomes.

    An outcome is one if it tells a bit, adds up, and is held against a field that is drawn `exponential` in `begin`,
    that nothing else looks at, and that changes, if at all, by a new draw exactly where the level begins anew.

    Args:
        graph: of the model.
        divided: those too whose draws are divided by a number of the agent's own, in whole numbers, rounded down.
    """
    found = {}
    for name, root in graph.thresholds.items():
        outcome, node = graph.outcomes[name], graph.nodes[root]
        if node.op != "field" or outcome.reveals != "bit" or not outcome.keep:
            continue
        quotient = _quotient(graph, _draw_of(graph, graph.begin[node.name])) if node.name in graph.begin else None
        if quotient is None or graph.nodes[quotient.draw].op != "exponential":
            continue
        over = None if quotient.over is None else _own_number(graph, quotient.over)
        if quotient.over is not None and (over is None or not divided):
            continue
        clock = Clock(node.name, graph.nodes[quotient.draw].numbers[1], over, quotient.bits)
        if _begins_anew(graph, name, clock) and _is_unseen(graph, name, node.name):
            found[name] = clock
    return found


def _quotient(graph: ModelGraph, root: int) -> _Quotient:
    """Read `draw * 2**bits // over` as it is written in whole numbers, quotient and rest apart; or a draw alone."""

    def operands(index: int, op: str) -> tuple[int, ...]:
        node = graph.nodes[index] if index >= 0 else None
        return node.inputs if node is not None and node.op == op else (-1, -1)

    whole, part = operands(root, "add")
    quotient, bits = operands(whole, "left")
    draw, over = operands(quotient, "divide")
    raised, divisor = operands(part, "divide")
    rest, also = operands(raised, "left")
    if draw < 0 or operands(rest, "modulo") != (draw, over) or (divisor, also) != (over, bits):
        return _Quotient(root)
    by = graph.nodes[bits]
    return _Quotient(draw, over, by.numbers[0]) if by.op == "constant" else _Quotient(root)


def _own_number(graph: ModelGraph, root: int) -> str | None:
    """Return the field that a number of the beginning is, if no update gives it."""
    number = graph.nodes[root]
    if number.op == "field" and graph.fields[number.name].private:
        return number.name
    for name, begun in graph.begin.items():
        node = graph.nodes[begun]
        again = _is_known(graph, number) and node.op == "where" and node.inputs == (*number.inputs[:2], root)
        if (begun == root or again) and name not in graph.update:
            return name
    return None


def _is_known(graph: ModelGraph, node: GraphNode) -> bool:
    """Return whether a node is what a holder knows of a field, where it knows that."""
    if node.op != "where":
        return False
    known, field = (graph.nodes[index] for index in node.inputs[:2])
    return known.op == "known" and field.op == "field" and known.name == field.name


def _draw_of(graph: ModelGraph, root: int) -> int:
    """Return what a field is drawn as, where its holder does not know it."""
    node = graph.nodes[root]
    known = node.op == "where" and graph.nodes[node.inputs[0]].op == "known"
    return node.inputs[2] if known else root


def _begins_anew(graph: ModelGraph, outcome: str, clock: Clock) -> bool:
    """Return whether a threshold is drawn anew exactly where the level begins anew, or both never."""
    root, restart = graph.update.get(clock.field), graph.restarts.get(outcome)
    if root is None or restart is None:
        return root is None and restart is None
    node = graph.nodes[root]
    if node.op != "where" or node.inputs[0] != restart:
        return False
    quotient, before = _quotient(graph, node.inputs[1]), graph.nodes[node.inputs[2]]
    over = None if quotient.over is None else graph.nodes[quotient.over]
    divided = over is None if clock.over is None else over is not None and (over.op, over.name) == ("field", clock.over)
    drawn = graph.nodes[quotient.draw].op == "exponential" and quotient.bits == clock.over_bits
    return drawn and divided and (before.op, before.name) == ("field", clock.field)


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
