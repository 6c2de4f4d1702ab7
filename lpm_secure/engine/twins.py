"""Twins: synthetic agents that stand in, in their cells and in the tally, for agents of a client that is not there."""

from collections.abc import Collection, Mapping
from typing import final

import numpy as np

from client_sdk.simulation.exposure import Exposure
from client_sdk.simulation.own_levels import OwnLevels
from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import NO_COLUMNS, AgentSource, Columns, StepInputs, decide
from protocols.models.dynamics import Dynamics
from protocols.task.layout import Layout


@final
class Twins:
    """One synthetic agent for each private one, in its cell, which lives through the whole run.

    All of them hear their cells in every step; those of clients that took part in it say nothing, and are not counted.
    So the twins that come in have a past of their own, and a cell has as many people in every step.

    Attributes:
        state: fields of the model, array[n] each, by slot of the private agents.

    Security: a twin is drawn and moved on by the engine's key, public totals and public numbers alone.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        layout: Layout,
        counts: Mapping[str, tuple[int, ...]],
        source: AgentSource,
        *,
        bounds: tuple[int, ...],
        columns: Columns = NO_COLUMNS,
    ) -> None:
        """Draw their states.

        Args:
            dynamics: of the run.
            layout: of its vectors.
            counts: of each client how many of its agents are in each cell.
            bounds: of each outcome a number that no agent's level exceeds.
            source: their numbers, by slot of the private agents, and the key of the simulation generator.
            columns: array[n] of each private column of the model.
        """
        self._cells, self._source, self._layout, self._model = dynamics.cells, source, layout, dynamics.model.agents
        each = [np.repeat(np.arange(len(dynamics.cells)), counts[client]) for client in layout.own]
        self._cell: I64 = np.concatenate(each).astype(np.int64)
        self._words, self._word_of = _places(self._layout, self._cell, cells=len(dynamics.cells))
        self._own = OwnLevels.of(self._model, bounds, self._cell.size)
        self.state = self._model.initial_state(source, columns)

    def words(self) -> I64:
        """Return what the engine announces of them: of each client, what its twins say to each of their cells."""
        words = np.zeros(self._words, dtype=np.int64)
        np.add.at(words, self._word_of, self._model.messages(self.state)[:, self._layout.channels :])
        return words

    def tally(self, members: Collection[str]) -> I64:
        """Return the totals of the model's stages and observables, int64[q], over twins of all clients but members."""
        here = np.ones(self._cell.size, dtype=np.bool_)
        for name in members:
            here[slice(*self._layout.own[name])] = False
        return self._model.totals({name: values[here] for name, values in self.state.items()})

    def update(self, totals: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            totals: int64[w * cells + e], what everybody together says to each cell, then the environment's numbers.
            step: of the run.
        """
        model, layout, sizes = self._model, self._layout, self._cells
        contact = np.zeros((self._cell.size, layout.channels), dtype=np.int64)
        public = layout.public_numbers(totals, step=step)
        heard = Exposure.of(model, contact, public, cell=self._cell, sizes=sizes, totals=totals[: layout.cells])
        grown = self._own.grow(self.state, model.increments(contact, heard.pressure))
        self._own.settle(grown, told=True)
        decided = decide(model.outcomes, grown, model.thresholds(self.state))
        inputs = StepInputs(Step(step), contact, heard.pressure, heard.cells, heard.sizes, decided, public)
        self.state, anew = model.update(self.state, inputs, self._source)
        self._own.restart(anew)


def _places(layout: Layout, cell: I64, *, cells: int) -> tuple[int, I64]:
    """Return how many words twins announce, and int64[n, w], into which of them each twin adds on each channel."""
    channels = layout.cells // cells
    word_of, before = np.zeros((cell.size, channels), dtype=np.int64), 0
    for name, places in layout.twins.items():
        own = slice(*layout.own[name])
        for channel in range(channels):
            word_of[own, channel] = before + np.searchsorted(places, channel * cells + cell[own])
        before += len(places)
    return before, word_of
