"""When something happens to agents of a stage; to all others of it a step does little, to many at a time."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import msgspec
import numpy as np

from lpm_secure.engine.backends.folding import Stages, fold
from lpm_secure.engine.backends.source import FORMS
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.bounds import bounds_of
from protocols.models.graph.checks import ancestors_of
from protocols.models.graph.operations import Interval

MOST: Final = 16  # conditions that are tried
LONGEST: Final = 2000  # letters of an expression
COSTLY: Final = ("divide", "modulo")
NUMBERS: Final = ("add", "subtract", "multiply", "left", "right", "minimum", "maximum", "integer", "where")
NEVER: Final = -1  # in place of a condition: nothing happens to anybody
KINDS: Final = (np.int8, np.int16, np.int32, np.int64)
NOTHING: Final = GraphNode("constant", numbers=(0,))


@final
@dataclass(frozen=True, slots=True)
class StageEvent:
    """What decides whether anything happens to agents of a stage, in expressions that vector instructions compute.

    Attributes:
        condition: whether something happens.
        calm: of each field that changes all the same where nothing happens, its number then.
    """

    condition: str
    calm: Mapping[str, str]


def event_of(
    graph: ModelGraph, stages: Stages, leaves: Mapping[str, str], ranges: Mapping[str, Interval], still: frozenset[str]
) -> StageEvent | None:
    """Return the event of a stage, or none where there is no such condition.

    Args:
        graph: folded, of the agents of the stage who cross no threshold.
        stages: of the agents.
        leaves: what an agent's number of each held field is called.
        ranges: of fields.
        still: fields that change only where something happens.
    """
    known = {**ranges, **{name: (value, value) for name, value in stages.items()}}
    nodes = [graph.nodes[number] for number in ancestors_of(graph, list(graph.update.values()))]
    conditions = dict.fromkeys(node.inputs[0] for node in nodes if node.op == "where")
    for condition, truth in ((NEVER, 0), *itertools.product(list(conditions)[:MOST], (0, 1))):
        decided = GraphNode("constant", numbers=(truth,))
        without = tuple(decided if number == condition else node for number, node in enumerate(graph.nodes))
        calm = fold(msgspec.structs.replace(graph, nodes=without), stages)
        changed = {name: root for name, root in calm.update.items() if name in leaves and not _keeps(calm, name, known)}
        quiet = all(calm.nodes[root] == NOTHING for root in calm.restarts.values())
        if not quiet or still & changed.keys():
            continue
        when = "False" if condition == NEVER else _expression(graph, condition, leaves, known)
        then = {name: _expression(calm, root, leaves, known) for name, root in changed.items()}
        simple = {name: each for name, each in then.items() if each is not None}
        if when is not None and len(simple) == len(then):
            return StageEvent(f"(not {when})" if truth else when, simple)
    return None


def _keeps(graph: ModelGraph, name: str, known: Mapping[str, Interval]) -> bool:
    node = graph.nodes[graph.update[name]]
    return (node.op == "field" and node.name == name) or (
        node.op == "constant" and known.get(name) == (node.numbers[0],) * 2
    )


def _expression(graph: ModelGraph, root: int, leaves: Mapping[str, str], known: Mapping[str, Interval]) -> str | None:
    """Return a node in one expression, in the smallest type that holds all it is made of; none of what is costly."""
    bounds, order = bounds_of(graph, known), ancestors_of(graph, [root])
    largest = max(max(-1 - bounds[number][0], bounds[number][1]) for number in order)
    kind = next(each.__name__ for each in KINDS if largest <= np.iinfo(each).max)
    texts: dict[int, str] = {}
    for number in order:
        node = graph.nodes[number]
        if node.op == "constant":
            texts[number] = f"np.{kind}({node.numbers[0]})"
        elif node.op == "field" and node.name in leaves:
            texts[number] = f"np.{kind}({leaves[node.name]})"
        elif node.op in FORMS and node.op not in COSTLY:
            text = FORMS[node.op].format(*(texts[index] for index in node.inputs))
            texts[number] = f"np.{kind}({text})" if node.op in NUMBERS else f"({text})"
        if len(texts.get(number, "")) not in range(1, LONGEST):
            return None
    return texts[root]
