"""Which numbers matter to an agent in a step: what it takes no branch to may be anything.

A draw that does not matter is left out of the score, for it has nothing to tell but noise, and none is changed for its
effect, which is none. Whether a number matters is decided by others than itself.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from protocols.models.graph import ModelGraph
from protocols.models.graph.graph import DRAWS

Masks = dict[int, Any]  # of each node that matters to anybody: to whom, bool[n] or one


def draws_under(graph: ModelGraph, holders: Collection[str]) -> list[frozenset[int]]:
    """Return for each node what its value depends on by chance: draws, bits of outcomes, and fields that hold draws."""
    under: list[frozenset[int]] = []
    for number, node in enumerate(graph.nodes):
        inner = frozenset[int]().union(*(under[index] for index in node.inputs))
        own = node.op in DRAWS or node.op == "outcome" or (node.op == "field" and node.name in holders)
        under.append(inner | {number} if own else inner)
    return under


def find_leaves(graph: ModelGraph, root: int) -> set[int]:
    """Return the nodes that a root may be copied from through `where` alone."""
    found, todo = set[int](), [root]
    while todo:
        number = todo.pop()
        node = graph.nodes[number]
        if node.op == "where":
            todo += node.inputs[1:]
        else:
            found.add(number)
    return found


def leaves_of(graph: ModelGraph, root: int, values: Mapping[int, Any], masks: Masks) -> list[tuple[int, Any]]:
    """Return what a root is copied from through `where` alone, and for whom; and mark the conditions as relevant."""
    found: list[tuple[int, Any]] = []
    todo: list[tuple[int, Any]] = [(root, np.bool_(True))]
    while todo:
        number, mask = todo.pop()
        node = graph.nodes[number]
        if node.op != "where":
            found.append((number, mask))
            continue
        condition, yes, no = node.inputs
        if graph.nodes[condition].op != "known":
            mark(masks, condition, mask)
        todo += [(yes, mask & values[condition]), (no, mask & ~np.asarray(values[condition]))]
    return found


def mark(masks: Masks, number: int, mask: Any) -> None:
    """Say that a node matters to more agents."""
    masks[number] = masks.get(number, np.bool_(False)) | mask


def spread(graph: ModelGraph, nodes: Iterable[int], values: Mapping[int, Any], masks: Masks, under: Any) -> None:
    """Go from the nodes that matter to all that they are computed from."""
    for number in sorted(nodes, reverse=True):
        if number not in masks:
            continue
        mask, node = masks[number], graph.nodes[number]
        for index, own in zip(node.inputs, _inner(node, mask, values, under), strict=True):
            mark(masks, index, own)


def _inner(node: Any, mask: Any, values: Mapping[int, Any], under: Any) -> list[Any]:
    if node.op == "where":
        condition, yes, no = node.inputs
        apart = not under[condition] & (under[yes] | under[no])
        asked = mask & (np.asarray(values[yes]) != values[no]) if apart else mask
        return [asked, mask & values[condition], mask & ~np.asarray(values[condition])]
    if node.op in ("and", "or") and not under[node.inputs[0]] & under[node.inputs[1]]:
        one, other = (np.asarray(values[index]) for index in node.inputs)
        return [mask & other, mask & one] if node.op == "and" else [mask & ~other, mask & ~one]
    return [mask] * len(node.inputs)
