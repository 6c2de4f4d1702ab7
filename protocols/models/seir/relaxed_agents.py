"""Relaxed agents with their tangents, and what they say in fixed point."""

from typing import final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.cells import cell_totals
from protocols.models.dual import Dual, Number
from protocols.models.gradient import Gradient
from protocols.models.seir import relaxation
from protocols.models.seir.parameters import Seir
from protocols.models.seir.relaxation import F64, RelaxedParameters, Stages


@final
class RelaxedAgents:
    """n agents in the order of their holder; a client's own, the engine's, or in the clear run everybody's.

    What they say is in integers: value in column 0, then p tangents, each at most `clip`. So sums do not depend on
    order or layout, and every number of a private run has the bits that it has in the clear.

    Attributes:
        stages: susceptible, exposed and infectious, each with tangents float64[p, n].

    Security: never leaves its holder; only `says`, `tally` and `cells` do, as shares.
    """

    def __init__(
        self,
        model: Seir,
        gradient: Gradient,
        *,
        channels: tuple[str, ...],
        sizes: tuple[int, ...],
        susceptibility: F64,
        cell: I64,
    ) -> None:
        """Begin.

        Args:
            model: the parameters' values.
            gradient: which derivatives, and in which fixed point.
            channels: names of the contact channels, for those of their parameters.
            sizes: people in each cell; empty where the run has none.
            susceptibility: float64[n], S_i / n_i of Eq. 8.
            cell: int64[n], each agent's cell; empty where the run has none.
        """
        self._gradient, self._susceptibility, self._cell = gradient, susceptibility, cell
        self._theta = RelaxedParameters.duals(model, gradient, channels)
        self._sizes = np.array(sizes, dtype=np.float64)
        self.stages: Stages = relaxation.begin(self._theta, np.ones(susceptibility.size))

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"RelaxedAgents({self._susceptibility.size} agents, hidden)"

    def says(self) -> I64:
        """Return int64[1 + p, n]: what each agent says, the probability that it is infectious."""
        return self._to_fixed(self.stages[2])

    def cells(self, says: I64) -> I64:
        """Return int64[cells, 1 + p]: what is said in each cell."""
        total = np.zeros((self._sizes.size, len(says)), dtype=np.int64)
        if self._sizes.size:
            for column, said in enumerate(says):
                total[:, column] = cell_totals(said, self._cell, cells=self._sizes.size)
        return total

    def tally(self) -> I64:
        """Return int64[q, 1 + p]: how many agents are expected in each stage."""
        s, e, i = self.stages
        counts = [self._to_fixed(stage).sum(axis=1) for stage in (s, e, i, 1.0 - s - e - i)]
        return np.stack(counts)

    def update(self, contact: I64, totals: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            contact: int64[n, c, 1 + p], exposures; of size 0 where contacts do not count.
            totals: int64[cells, 1 + p], everybody's cell totals.
            step: of the run.
        """
        cell = None
        if self._sizes.size:
            share = self._shares(totals)
            cell = Dual(share.value[self._cell], share.tangent[:, self._cell])
        heard: list[Number] = [self._to_real(contact[:, channel].T) for channel in range(contact.shape[1])]
        self.stages = relaxation.advance(
            self.stages,
            contact=heard,
            cell=cell,
            susceptibility=self._susceptibility,
            theta=self._theta,
            factor=relaxation.factor(self._gradient, self._theta, step),
        )

    def _shares(self, totals: I64) -> Dual:
        """Return which share of each cell is infectious; a total out of [0, size] counts as the nearest bound."""
        total = self._to_real(totals.T)
        inside = (total.value >= 0.0) & (total.value <= self._sizes)
        value = np.clip(total.value, 0.0, self._sizes) / self._sizes
        return Dual(value, np.where(inside, total.tangent / self._sizes, 0.0))

    def _to_fixed(self, number: Number) -> I64:
        """Return int64[1 + p, n], rounded, tangents clipped."""
        dual, given = _dual(number), self._gradient
        value = np.rint(dual.value * 2.0**given.value_bits)
        tangent = np.rint(np.clip(dual.tangent, -given.clip, given.clip) * 2.0**given.tangent_bits)
        out = np.empty((1 + given.p, value.size), dtype=np.int64)
        out[0], out[1:] = value, tangent
        return out

    def _to_real(self, fixed: I64) -> Dual:
        """Return a dual from int64[1 + p, n]; the scales are powers of two, so nothing is rounded below 2**53."""
        given = self._gradient
        return Dual(fixed[0] * 2.0**-given.value_bits, fixed[1:] * 2.0**-given.tangent_bits)


def _dual(number: Number) -> Dual:
    if not isinstance(number, Dual):
        raise TypeError(f"got {type(number).__name__}: relaxed agents carry tangents")
    return number
