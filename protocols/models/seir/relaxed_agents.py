"""Relaxed agents of the table `[model]`, and what they tell."""

from typing import final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.dual import Number
from protocols.models.gradient import Gradient
from protocols.models.relaxed_agents import RelaxedAgents
from protocols.models.seir import relaxation
from protocols.models.seir.parameters import Seir
from protocols.models.seir.relaxation import F64, RelaxedParameters, Stages


@final
class RelaxedSeir(RelaxedAgents):
    """n agents of the hand-written dynamics.

    Attributes:
        stages: susceptible, exposed and infectious, each with tangents float64[p, n].
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
        super().__init__(gradient, sizes=sizes, cell=cell)
        self._susceptibility, self._channels = susceptibility, len(channels)
        self._theta = RelaxedParameters.duals(model, gradient, channels)
        self.stages: Stages = relaxation.begin(self._theta, np.ones(susceptibility.size))

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"RelaxedSeir({self._susceptibility.size} agents, hidden)"

    def messages(self) -> I64:
        """Return what each agent tells everybody, the probability that it is infectious."""
        told = self.to_fixed(self.stages[2])
        return np.broadcast_to(told[:, :, None], (*told.shape, self._channels + 1))

    def tally(self) -> I64:
        """Return how many agents are expected in each stage."""
        s, e, i = self.stages
        counts = [self.to_fixed(stage).sum(axis=1) for stage in (s, e, i, 1.0 - s - e - i)]
        return np.stack(counts)

    def update(self, contact: I64, totals: I64, *, step: int) -> None:
        """Move on by one step."""
        heard: list[Number] = [self.to_real(contact[:, channel].T) for channel in range(contact.shape[1])]
        self.stages = relaxation.advance(
            self.stages,
            contact=heard,
            cell=self.shares(totals) if self._sizes.size else None,
            susceptibility=self._susceptibility,
            theta=self._theta,
            factor=relaxation.factor(self._gradient, self._theta, step),
        )
