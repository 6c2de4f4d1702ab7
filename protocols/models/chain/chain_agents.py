"""Relaxed agents of any model's graph: each is in every state of its local chain with a probability."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import Columns
from protocols.models.chain.chain_groups import ChainGroups, Reach, Rows, grow
from protocols.models.chain.hazard_factor import hazard_factor
from protocols.models.dual import Dual
from protocols.models.dynamics import Relaxation
from protocols.models.gradient import Gradient
from protocols.models.relaxed_agents import F64, RelaxedAgents

NO_PUBLIC: Final[Mapping[str, Any]] = MappingProxyType({})


@final
class ChainAgents(RelaxedAgents):
    """n agents of a model's graph; `transition` says how they move, and why with the same bits everywhere.

    Attributes:
        parameters: p names, by which derivatives are taken.
        step: how often they have moved.
    """

    def __init__(self, groups: ChainGroups, gradient: Gradient, *, sizes: tuple[int, ...], cell: I64) -> None:
        """Begin.

        Args:
            groups: agents by their kinds, with derivatives by the gradient's parameters.
            gradient: which derivatives, and in which fixed point.
            sizes: people in each cell; empty where the run has none.
            cell: int64[n], each agent's cell; empty where the run has none.
        """
        super().__init__(gradient, sizes=sizes, cell=cell)
        self._all, self.parameters, self.step = groups, gradient.parameters, 0
        self._states = [part.transition.begin(part.begin, part.n) for part in self._all.parts]
        kinds = 1 + max(self._all.numbers, default=-1)
        self._means = [np.empty((kinds, *state.shape[1:])) for state in self._states]
        self._fixed: I64 | None = None
        for part, state, means in zip(self._all.parts, self._states, self._means, strict=True):
            part.transition.count(state, means, step=0)

    @classmethod
    def of_run(cls, run: Relaxation, *, columns: Columns, cell: I64, n: int) -> "ChainAgents":
        """Begin a holder's n agents of a run, with their columns; errors are those of `ChainGroups`."""
        return cls(ChainGroups.of_run(run, columns=columns, n=n), run.gradient, sizes=run.sizes, cell=cell)

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"ChainAgents({self._all.n} agents, hidden)"

    def messages(self) -> I64:
        """Return what each agent is expected to tell."""
        fixed, told = self._rounded(), self._all.numbers[: self._all.told]
        if len(set(told)) == 1:
            return np.broadcast_to(fixed[told[0]][..., None], (*fixed.shape[1:], len(told)))
        return fixed[list(told)].transpose(1, 2, 0)

    def tally(self) -> I64:
        """Return the expected totals of the model's stages and observables."""
        total: I64 = self._rounded().sum(axis=2)[list(self._all.numbers[self._all.told :])]
        return total

    def first(self) -> I64:
        """Return with which probability each agent is in the model's first stage."""
        own: I64 = self._rounded()[self._all.numbers[self._all.told]]
        return own

    def update(self, contact: I64, totals: I64, *, step: int) -> None:
        """Move on by one step; an exposure below 0, which clients that lie can bring about, is none."""
        by_channel = totals.reshape(-1, self._sizes.size, totals.shape[1]) if self._sizes.size else ()
        shares = [_numbers(self.cell_shares(own), slice(None)) for own in by_channel]
        given = self._gradient
        unit = np.array([2.0**-given.value_bits, *[2.0**-given.tangent_bits] * given.p])[:, None]

        def hear(rows: Rows) -> Reach:
            own = np.multiply(np.moveaxis(contact[rows], 0, -1), unit, order="C")
            np.maximum(own[:, 0], 0.0, out=own[:, 0])
            return own, [share[:, self._cell[rows]] for share in shares]

        self._move(hear)

    def message_means(self) -> list[Dual]:
        """Return what each agent is expected to tell on each contact channel and cell channel, float64[n] each."""
        return [self._mean(number) for number in self._all.numbers[: self._all.told]]

    def total_means(self) -> list[Dual]:
        """Return what each agent is expected to add to each number of the tally, float64[n] each."""
        return [self._mean(number) for number in self._all.numbers[self._all.told :]]

    def move(self, exposures: Sequence[Dual], shares: Sequence[Dual], public: Mapping[str, Dual] = NO_PUBLIC) -> None:
        """Move on by one step.

        Args:
            exposures: of each contact channel, what reaches each agent, float64[n]; none where contacts do not count.
            shares: of each cell channel, which share of its own cell says something, float64[n]; none without cells.
            public: the environment's numbers, float64[1] each, as they are before they are rounded.
        """
        heard = self._all.hear(public)
        self._move(lambda rows: ([_numbers(e, rows) for e in exposures], [_numbers(s, rows) for s in shares]), heard)

    def _move(self, hear: Callable[[Rows], Reach], public: Mapping[str, F64] = NO_PUBLIC) -> None:
        """Move on, and count, while the numbers of a part are at hand."""
        before = self.step
        self.step, self._fixed, factor = before + 1, None, hazard_factor(self._gradient, before)
        for part, state, means in zip(self._all.parts, self._states, self._means, strict=True):
            growth = grow(self._all.levels, hear(part.rows), part, state.shape[1], factor)
            part.transition.move(state, {**growth, **public}, step=before)
            part.transition.count(state, means, step=self.step)

    def _mean(self, number: int) -> Dual:
        numbers = np.empty((self._gradient.width, self._all.n))
        for part, means in zip(self._all.parts, self._means, strict=True):
            numbers[:, part.rows] = means[number]
        return Dual(numbers[0], numbers[1:])

    def _rounded(self) -> I64:
        """Return what is told and counted in fixed point, int64[m, 1 + p, n], computed once in a step."""
        if self._fixed is None:
            kinds = 1 + max(self._all.numbers, default=-1)
            self._fixed = np.empty((kinds, self._gradient.width, self._all.n), dtype=np.int64)
            for part, means in zip(self._all.parts, self._means, strict=True):
                for number, mean in enumerate(means):
                    self._fixed[number][:, part.rows] = self.to_fixed(Dual(mean[0], mean[1:]))
        return self._fixed


def _numbers(dual: Dual, rows: Rows) -> F64:
    """Return a number of some agents with its derivatives, float64[1 + p, n]."""
    return np.concatenate([dual.value[rows][None], dual.tangent[:, rows]])
