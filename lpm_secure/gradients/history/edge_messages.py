"""Messages that agents make of each contact's own number: what is told along which contact, and how that moves."""

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from lpm_secure.engine.model_agents import ContactMatrices
from lpm_secure.gradients.history.step import Columns, GraphStep
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.inputs import edges_of
from protocols.models.graph.interpreter import Inputs
from protocols.models.likelihood.tape import NONE, Leaf, Slopes, Tape


@final
class EdgeMessages:
    """What is told along contacts with numbers of their own, by agents in any state."""

    def __init__(self, step: GraphStep, contacts: ContactMatrices | None) -> None:
        """Take the model's step, and who tells whom."""
        self._step, self._contacts = step, contacts
        self.channels = tuple(step.graph.along) if contacts else ()

    def exposures(self, channel: str, state: Columns, *, step: int) -> I64:
        """Return int64[n], the sum of what reaches each agent."""
        sender, number = self._edges(channel, step)
        told, _ = self._told(channel, state, sender, number, {})
        return self._require().collect(channel, told, step=step)

    def slopes(self, channel: str, state: Columns, leaves: Mapping[Leaf, Slopes], *, step: int) -> Slopes:
        """Return how that sum moves, float64[n] by parameter, given how the agents' fields do."""
        sender, number = self._edges(channel, step)
        _, slopes = self._told(channel, state, sender, number, leaves)
        hearer, n = self._require().hearers(channel, step=step), self._require().n
        return {
            p: np.bincount(hearer, np.broadcast_to(slope, hearer.shape), minlength=n) for p, slope in slopes.items()
        }

    def differences(
        self, channel: str, agent: I64, state: Columns, before: Columns, *, step: int
    ) -> tuple[I64, I64, I64]:
        """Return along which contacts agents tell something else in one state than in another.

        Args:
            channel: of the messages.
            agent: int64[rows], whose states they are, among all copies.
            state, before: int64[rows] of each field.
            step: of the run.

        Returns:
            int64[m] each: the row, whom it tells something else, and by how much more.
        """
        sender, number = self._edges(channel, step)
        hearer, order = self._require().hearers(channel, step=step), np.argsort(sender, kind="stable")
        first, last = (np.searchsorted(sender[order], agent, side=side) for side in ("left", "right"))
        count = last - first
        row = np.repeat(np.arange(agent.size), count)
        edge = order[np.arange(row.size) + np.repeat(first - np.cumsum(count) + count, count)]
        now, then = (self._told(channel, each, row, number[edge], {})[0] for each in (state, before))
        differs = np.flatnonzero(now != then)
        return row[differs], hearer[edge][differs], (now - then)[differs]

    def _require(self) -> ContactMatrices:
        if self._contacts is None:
            raise ValueError("nobody has contacts; ask for `channels` first")
        return self._contacts

    def _edges(self, channel: str, step: int) -> tuple[I64, I64]:
        return self._require().edges(channel, step=step)

    def _told(
        self, channel: str, state: Columns, row: I64, number: I64, leaves: Mapping[Leaf, Slopes]
    ) -> tuple[I64, Slopes]:
        """Return what is told along contacts, whose senders' states stand in some rows, and how it moves."""
        graph, own = self._step.graph, dict[Leaf, Slopes]()
        for leaf, slopes in leaves.items():
            own[leaf] = {p: _select(slope, row) for p, slope in slopes.items()} if leaf[0] == "field" else slopes
        nobody = DrawSource(np.zeros(number.size, dtype=np.uint64), 0, (0, 0))  # messages draw nothing
        senders = {name: column[row] for name, column in state.items()}
        tape = Tape(graph, own)
        tape.extend(
            self._step.nodes("along"), Inputs(senders, self._step.parameters, nobody, edges=edges_of(graph, number))
        )
        root = graph.along[channel]
        return tape.column(root, number.size), tape.slopes.get(root, NONE)


def _select(slope: Any, row: I64) -> Any:
    return slope[row] if np.ndim(slope) else slope
