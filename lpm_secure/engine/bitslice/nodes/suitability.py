"""Whether a model's runs can be computed many at once, as a property of its graph and of where its agents meet."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from lpm_secure.engine.bitslice.nodes.binding import BoundModel
from lpm_secure.engine.bitslice.nodes.memoryless import memoryless_outcomes
from lpm_secure.engine.bitslice.words.kernels import LONGEST
from lpm_secure.engine.venues.channels import VenueChannels
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.checks import nodes_of
from protocols.models.graph.draws import COUNTS, SPELL
from protocols.models.graph.graph import DRAWS

HALVES: Final = {"happens": ("upper",), "days": ("upper",), "uniform": ("lower",), "exponential": ("upper", "lower")}


def obstacle(model: BoundModel, channels: VenueChannels) -> str | None:
    """Return in a few words why runs of a bound model have to be computed one by one; None where they have not."""
    return next(_obstacles(model, channels), None)


def _obstacles(model: BoundModel, channels: VenueChannels) -> Iterator[str]:
    graph = model.graph
    for name, channel in graph.channels.items():
        if channel.most > 1 or channel.along is not None:
            yield f"a message of {name} is more than 0 or 1"
    if graph.cell_field is not None:
        yield f"agents move between the cells of {graph.cell_field}"
    for setting in channels.venues.settings:
        if setting.mixing is not None:
            yield f"people of {setting.name} mix by age"
    bits = memoryless_outcomes(model)
    for name, outcome in graph.outcomes.items():
        if outcome.keep and outcome.reveals == "sum":
            yield f"the sum {name} adds up without end"
        links = [link for channel in outcome.coefficients for link in channels.links[channel]]
        if name not in bits and any(len(set(link.weight)) > 1 for link in links):
            yield f"{name} has a memory, and the weights of what it hears change from day to day"
    yield from _draws(model)


def _draws(model: BoundModel) -> Iterator[str]:
    graph, seen = model.graph, defaultdict[tuple[str, int, str], set[int]](set)
    for number in nodes_of(graph, "begin", "update", "restarts"):
        node = graph.nodes[number]
        if node.op not in DRAWS:
            continue
        for half in HALVES[node.op]:
            seen[node.name, node.numbers[0], half].add(number)
        if node.op == "days":
            row = node.inputs[1]
            if model.intervals[row] != (0, 0) and row not in model.columns:
                yield f"the law of {node.name} depends on more than private columns"
            if len(node.inputs) > 2 and node.numbers[0] != SPELL and model.intervals[node.inputs[2]] != (0, 0):
                yield f"the law of {node.name} depends on days that have passed"
        if node.op == "uniform" and not 0 < model.intervals[node.inputs[1]][1] <= min(COUNTS, 2**LONGEST - 1):
            yield f"{node.name} has 2**31 values"
        if node.numbers[0] == SPELL and not _is_drawn_once(model, number):
            yield f"{node.name} may be drawn of one spell again"
    for (purpose, _, _), numbers in seen.items():
        if len(numbers) > 1:
            yield f"two draws of the purpose {purpose} are one draw"


def _is_drawn_once(model: BoundModel, number: int) -> bool:
    """Return whether a spell's draw is only read in the step in which the spell begins, by what intervals prove.

    Its readers are `where(begins, draw, old)`, and the spell counts up exactly where `begins` is true: that is held
    against values of the counter from its whole range.
    """
    graph: ModelGraph = model.graph
    spell = graph.nodes[number].inputs[-1]
    counters = [name for name, root in graph.update.items() if root == spell]
    conditions = set(_conditions(graph, number))
    if not counters or len(conditions) != 1 or None in conditions:
        return False
    (begins,) = conditions
    low, high = model.fields[counters[0]]
    known: Mapping[int, tuple[int, int]]
    for value in {low, low + 1, (low + high) // 2, high - 1}:
        for rises in (0, 1):
            known = {begins: (rises, rises)} if begins is not None else {}
            after = bounds_of(graph, {**model.fields, counters[0]: (value, value)}, nodes=known)[spell]
            if low <= value < high and after != (value + rises, value + rises):
                return False
    return True


def _conditions(graph: ModelGraph, number: int) -> Iterator[int | None]:
    """Return the conditions under which a node is read: None where there is none."""
    for each in nodes_of(graph, "update", "restarts"):
        node: GraphNode = graph.nodes[each]
        if number not in node.inputs:
            continue
        if node.op == "where" and node.inputs[1] == number and number not in (node.inputs[0], node.inputs[2]):
            yield node.inputs[0]
        elif node.op in DRAWS:
            continue
        else:
            inner = list(_conditions(graph, each))
            yield from inner or [None]
    if number in (*graph.update.values(), *graph.restarts.values()):
        yield None
