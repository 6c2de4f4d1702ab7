"""One holder's agents in a run with adjoints: what they say in each round, forth and back, and what they take in.

The backward pass of a neighbour sum is a neighbour sum on the reversed edges, so what an agent says on the way back,
the derivative of the loss by its exposure, travels by the same protocol as what it said on the way forth.
"""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.gradients.journal import AdjointJournal
from client_sdk.gradients.parameter_range import ParameterRange
from protocols.arithmetic.fixed_point import I64
from protocols.errors import OutOfRange
from protocols.models.agent_model import Columns
from protocols.models.cells import cell_totals
from protocols.models.chain.chain_adjoints import ChainAdjoints
from protocols.models.dynamics import Relaxation
from protocols.models.graph.agents import GraphModel
from protocols.models.relaxed_agents import F64, Reception, States
from protocols.task.gradients.turn import Turn
from protocols.task.layout import Layout

LARGEST: Final = 2.0**40  # of what an engine announces, as of a derivative's clip


@final
@dataclass(frozen=True, slots=True, eq=False)
class AdjointMessage:
    """What agents say in a round: int64[n, c] to others, and the block that is released, int64[cells + ...]."""

    told: I64 = field(repr=False)
    block: I64 = field(repr=False)


@final
class AdjointPass:
    """Relaxed agents forth and back. All sums are of integers, so that they do not depend on who holds which agent.

    Attributes:
        agents: of one holder, or in the clear run all private ones.
        journal: of the forward pass, for the backward one.
    """

    def __init__(self, run: Relaxation, layout: Layout, *, cell: I64, columns: Columns, n: int, every: int = 1) -> None:
        """Take agents; `every` is of how many steps one state is kept.

        Raises:
            ModelError: the model has no local chain.
            DataError: a column is missing, or out of its range.
        """
        self.agents = ChainAdjoints.of_run(run, columns=columns, cell=cell, n=n)
        self.journal = AdjointJournal(every)
        self._range = ParameterRange.of(run.model, run.gradient)
        model = run.model.agents
        self._given, self._layout, self._steps = run.gradient, layout, run.steps
        self._ends = _ends(run.model)
        self._cell, self._cells = cell, len(run.sizes)
        self._channels, self._words, self._q = self._layout.channels, len(model.cell_most), len(model.tally)
        self._begun = self.agents.theta
        self._states: States = []
        self._adjoints: States = []
        self._rest: F64 = np.zeros(0)  # derivatives by parameters that go into the next round back

    def message(self, turn: Turn) -> AdjointMessage:
        """Return what is said in a round: means and totals forth, derivatives back."""
        return self._forth(turn.t) if turn.forth else self._back(turn.t)

    def take_in(self, turn: Turn, contact: I64, release: I64, announced: F64) -> None:
        """Move on, forth or back.

        Args:
            turn: of the round.
            contact: int64[n, c], what reached each agent.
            release: the round's sum of blocks.
            announced: by the engine.

        Raises:
            OutOfRange: it announces what no honest engine would.
        """
        if not np.abs(announced).max(initial=0.0) <= LARGEST:  # nor what is no number
            raise OutOfRange(
                f"the engine announced a number that is none, or above 2**40, in step {turn.t}, so the run ends"
            )
        if turn.forth:
            self._move(turn.t, contact, release, announced)
        elif turn.t >= 0:
            self._move_back(turn.t, contact, release, announced)

    def silence(self, turn: Turn) -> F64:
        """Return what stands for the announcement of a round that was missed: no news of parameters."""
        announced = np.zeros(self._layout.cells)
        if turn.forth:
            theta = self.journal.entries[-1].theta if self.journal.entries else self.agents.theta
            announced[self._totals :][: theta.size] = theta
        else:
            announced[self._totals + self._q] = 1.0
        return announced

    def _forth(self, t: int) -> AdjointMessage:
        told = np.zeros((self.agents.n, self._channels), dtype=np.int64)
        if t < 0:
            self.journal.clear()
            return AdjointMessage(told, self._block())
        means = np.nan_to_num(self.agents.means(self._states, self._came_with(t), step=t))
        fixed = to_fixed(np.clip(means, *self._ends), self._given.value_bits)
        if t < self._steps:
            told = fixed[: self._channels].T
        first = self._channels + self._words
        return AdjointMessage(told, self._block(fixed[self._channels : first], fixed[first:].sum(axis=1)))

    def _move(self, t: int, contact: I64, release: I64, announced: F64) -> None:
        unit, cells = np.float64(2.0**-self._given.value_bits), self._totals
        theta = announced[cells : cells + self.agents.theta.size].copy()
        self._range.require(theta, step=t)
        if t < 0:
            self._states, self._begun = self.agents.begin(theta), theta
            return
        self.journal.entries.append(Reception(contact.T * unit, release[:cells] * unit + announced[:cells], theta))
        if t < self._steps:
            self.journal.put(t, self._states)
            self._states = self._after(t, self._states)

    def _back(self, t: int) -> AdjointMessage:
        told = np.zeros((self.agents.n, self._channels), dtype=np.int64)
        if t == self._steps:
            self._adjoints = [np.zeros_like(each) for each in self._states]
            self._rest = np.zeros((self.agents.theta.size, self.agents.n))
            return AdjointMessage(told, self._block())
        if t < 0:
            by_theta = self.agents.back_begin(self._adjoints) + self._rest
            return AdjointMessage(told, self._block(None, self._clip(by_theta).sum(axis=1)))
        self._states = self.journal.take(t, self._after)
        self._adjoints, by = self.agents.back(self._states, self._adjoints, self.journal.entries[t], step=t)
        if self._layout.c:
            told = self._clip(by.contact).T
        return AdjointMessage(told, self._block(self._clip(by.cell), self._clip(by.theta + self._rest).sum(axis=1)))

    def _move_back(self, t: int, contact: I64, release: I64, announced: F64) -> None:
        """Take in what reached agents on the way back, then what the engine announces, in its unit from now on."""
        unit, cells, first = np.float64(2.0**-self._given.tangent_bits), self._totals, self._channels + self._words
        by = np.zeros((first + self._q, self.agents.n))
        by[: contact.shape[1]] = contact.T * unit
        self._spread(by, release[:cells] * unit)
        rest = self._back_means(t, by)
        by_tally, scale = announced[cells : cells + self._q], announced[cells + self._q]
        self._adjoints = [each * scale for each in self._adjoints]
        by = np.zeros_like(by)
        by[first:] = by_tally[:, None]
        self._spread(by, announced[:cells])
        self._rest = rest * scale + self._back_means(t, by)

    def _back_means(self, t: int, by: F64) -> F64:
        return self.agents.back_means(self._states, self._adjoints, by, theta=self._came_with(t), step=t)

    def _spread(self, by: F64, totals: F64) -> None:
        """Give each agent the derivatives by the totals of its own cell."""
        if self._cells:
            by[self._channels :][: self._words] = totals.reshape(self._words, self._cells)[:, self._cell]

    def _after(self, t: int, states: States) -> States:
        return self.agents.move(states, self.journal.entries[t], step=t)

    def _came_with(self, t: int) -> F64:
        """Return the parameters with which agents came into the states of step t."""
        return self.journal.entries[t - 1].theta if t else self._begun

    def _block(self, by_cell: I64 | None = None, rest: I64 | None = None) -> I64:
        """Return int64[cells + ...]: what is released, zeros where nothing is.

        Args:
            by_cell: int64[w, n], what each agent adds to its cell's totals.
            rest: what stands after these.
        """
        block = np.zeros(self._layout.cells, dtype=np.int64)
        if by_cell is not None and self._cells:
            block[: self._totals] = np.concatenate([cell_totals(w, self._cell, cells=self._cells) for w in by_cell])
        if rest is not None:
            block[self._totals :][: len(rest)] = rest
        return block

    def _clip(self, derivative: F64) -> I64:
        """Return derivatives in fixed point, each within the clip; one that is no number is 0."""
        return to_fixed(self._given.clip_numbers(derivative), self._given.tangent_bits)

    @property
    def _totals(self) -> int:
        """Return how many words totals of cells have."""
        return self._cells * self._words


def _ends(model: GraphModel) -> tuple[F64, F64]:
    """Return the range of each number that an agent tells forth, float64[c + w + q, 1] each."""
    most = [*(model.graph.channels[name].most for name in model.contact_channels), *model.agents.cell_most]
    words = model.agents.tally
    low, high = [*(0 for _ in most), *(word.low for word in words)], [*most, *(word.high for word in words)]
    return np.array(low, dtype=np.float64)[:, None], np.array(high, dtype=np.float64)[:, None]


def to_fixed(real: F64, bits: int) -> I64:
    """Return numbers in fixed point, rounded."""
    fixed: I64 = np.rint(real * 2.0**bits).astype(np.int64)
    return fixed
