"""Draws that fields hold until they matter: a stay is drawn with an agent, and says nothing before the stay begins.

Until then it may as well be drawn later, so its score counts from then on, and it is then that another value of it
would change the run.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, final

import numpy as np

from protocols.models.graph import ModelGraph
from protocols.models.graph.checks import ancestors_of
from protocols.models.likelihood.events import FIELD, Chance, ChanceEvent, Chances, event_of
from protocols.models.likelihood.relevance import Masks, find_leaves, leaves_of, mark
from protocols.models.likelihood.tape import NONE, Tape, choose

Leaves = Mapping[str, list[tuple[int, Any]]]  # of each field what it is copied from, and for whom
EMPTY = Chance(NONE, NONE, np.int64(0))


class _Copy(NamedTuple):
    """A field that some rows copy from a draw."""

    field: str
    draw: int
    mask: Any


@final
class PendingDraws:
    """What each field holds that has not mattered yet."""

    def __init__(self, graph: ModelGraph, unseen: frozenset[str]) -> None:
        """Hold nothing.

        Args:
            graph: of the model.
            unseen: fields that are thresholds of clocks: the outcome has the law.
        """
        self._graph = graph
        seen = {graph.nodes[number].name for number in ancestors_of(graph, list(graph.totals.values()))}
        self._unseen = unseen
        self._fields = {
            name: EMPTY
            for name, field in graph.fields.items()
            if not (field.stages or field.cells or field.private) and name not in seen | unseen and self._copies(name)
        }
        self._copied: list[_Copy] = []
        self._same: dict[str, Any] = {}

    @property
    def holders(self) -> frozenset[str]:
        """Return the fields that may hold a draw."""
        return frozenset(self._fields)

    def _copies(self, name: str) -> bool:
        """Return whether a field may be copied from a draw of days."""
        roots = [part[name] for part in (self._graph.begin, self._graph.update) if name in part]
        return any(self._graph.nodes[leaf].op == "days" for root in roots for leaf in find_leaves(self._graph, root))

    def roots(self, part: str, tape: Tape, masks: Masks) -> None:
        """Say what a part's new state is made of: what fields copy from draws, or keep, does not matter yet."""
        self._copied, self._same = [], {}
        roots = self._graph.parts[part]
        leaves = {
            name: leaves_of(self._graph, roots[name], tape.values, masks) for name in self._fields if name in roots
        }
        shared = self._shared(leaves)
        for name, root in roots.items():
            if name in self._unseen:
                leaves_of(self._graph, root, tape.values, masks)  # its conditions matter
            elif name not in self._fields:
                mark(masks, root, np.bool_(True))
            else:
                for leaf, mask in leaves[name]:
                    self._leaf(name, leaf, mask, masks, shared)

    def _leaf(self, name: str, leaf: int, mask: Any, masks: Masks, shared: Masks) -> None:
        node = self._graph.nodes[leaf]
        if node.op == "days":
            alone = mask & ~shared[leaf]
            self._copied.append(_Copy(name, leaf, alone))
            mark(masks, leaf, mask & shared[leaf])
            for index in node.inputs[1:]:
                mark(masks, index, alone)
        elif node.op == "field" and node.name == name:
            self._same[name] = self._same.get(name, np.bool_(False)) | mask
        else:
            mark(masks, leaf, mask)

    def _shared(self, leaves: Leaves) -> Masks:
        """Return of each draw for whom several fields copy it: there it matters at once."""
        taken, shared = Masks(), Masks()
        for copied in leaves.values():
            for leaf, mask in copied:
                if self._graph.nodes[leaf].op == "days":
                    mark(shared, leaf, mask & taken.get(leaf, np.bool_(False)))
                    mark(taken, leaf, mask)
        return shared

    def release(self, masks: Masks, step: int, n: int) -> Iterator[ChanceEvent]:
        """Yield what fields hold that matters in a step; they hold it no longer."""
        for number, mask in masks.items():
            node = self._graph.nodes[number]
            if node.op == "field" and node.name in self._fields:
                held = self._fields[node.name]
                yield from event_of((FIELD, node.name), step, held, mask, n)
                self._fields[node.name] = _choose_chance(mask, EMPTY, held)

    def move(self, part: str, tape: Tape, masks: Masks, chances: Chances) -> None:
        """Take up what fields copy from draws that do not matter at once."""
        for name, held in self._fields.items():
            if part == "begin" or name in self._graph.update:
                self._fields[name] = _choose_chance(self._same.get(name, np.bool_(False)), held, EMPTY)
        for name, draw, mask in self._copied:
            chance = chances.of(tape, draw, mask)
            if chance is not None:
                later = mask & ~np.asarray(masks.get(draw, np.bool_(False)))
                self._fields[name] = _choose_chance(later, chance, self._fields[name])


def _choose_chance(mask: Any, yes: Chance, no: Chance) -> Chance:
    return Chance(
        choose(mask, yes.score, no.score), choose(mask, yes.rate, no.rate), np.where(mask, yes.value, no.value)
    )
