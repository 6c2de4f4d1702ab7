"""Relaxed agents of the table `[model]` that are gone back through by autograd. Needs torch."""

from typing import Any, final

import numpy as np
import torch

from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import Columns
from protocols.models.dual import Number
from protocols.models.relaxed_agents import F64, Derivatives, Reception, ReversibleAgents, States
from protocols.models.seir import relaxation
from protocols.models.seir.agents import susceptibility
from protocols.models.seir.parameters import Seir
from protocols.models.seir.relaxation import RelaxedParameters
from protocols.task.manifest import Simulation


@final
class SeirAdjoints(ReversibleAgents):
    """n agents of the hand-written dynamics; states are susceptible, exposed and infectious, float64[3, n]."""

    def __init__(self, manifest: Simulation, model: Seir, *, cell: I64, columns: Columns, n: int) -> None:
        """Take agents of a run, and its model."""
        self._manifest, self._cell, self.n = manifest, cell, n
        self.parameters = relaxation.names(manifest.channels)
        self.theta = relaxation.values(model, manifest.gradient)
        self._sizes = np.array(manifest.cells, dtype=np.float64)
        self._susceptibility = torch.from_numpy(susceptibility(columns, n))

    def __repr__(self) -> str:
        """Tell the size, and nothing else."""
        return f"SeirAdjoints({self.n} agents, hidden)"

    def begin(self, theta: F64) -> States:
        """Return agents at the beginning."""
        return [np.array(relaxation.begin(RelaxedParameters.of(list(theta)), np.ones(self.n)), dtype=np.float64)]

    def means(self, states: States, theta: F64, *, step: int) -> F64:
        """Return the probability of being infectious, once for each channel and for cells, and of each stage."""
        s, e, i = states[0]
        return np.stack([*[i] * (len(self._manifest.channels) + 1), s, e, i, 1.0 - s - e - i])

    def move(self, states: States, heard: Reception, *, step: int) -> States:
        """Return agents after a step."""
        with torch.no_grad():
            return [torch.stack(self._torch(states[0], heard, step)[0]).numpy()]

    def back(self, states: States, adjoints: States, heard: Reception, *, step: int) -> tuple[States, Derivatives]:
        """Return derivatives by states before a step, and by what reached agents, from those by states after it."""
        after, leaves = self._torch(states[0], heard, step)
        found = torch.autograd.grad(after, leaves, list(torch.from_numpy(adjoints[0])), allow_unused=True)
        by = [np.zeros(self.n) if grad is None else grad.numpy() for grad in found]
        c = len(heard.contact)
        contact = np.stack(by[3 : 3 + c]) if c else np.zeros((0, self.n))
        return [np.stack(by[:3])], Derivatives(contact, by[3 + c][None], np.stack(by[4 + c :]))

    def back_means(self, states: States, adjoints: States, by: F64, *, theta: F64, step: int) -> F64:
        """Add to derivatives by states those that come through `means`; none come through parameters."""
        channels, (adjoint,) = len(self._manifest.channels), adjoints
        adjoint += by[-4:-1] - by[-1]
        adjoint[2] += by[:channels].sum(axis=0)
        adjoint[2] += by[channels]
        return np.zeros((self.theta.size, self.n))

    def back_begin(self, adjoints: States) -> F64:
        """Return derivatives by parameters that come through the beginning."""
        found = np.zeros((self.theta.size, self.n))
        found[self.parameters.index("initial")] = adjoints[0][2] - adjoints[0][0]
        return found

    def _torch(self, stages: F64, heard: Reception, step: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the stages after a step, and all that they come from: stages, exposures, cell totals, parameters.

        Every parameter is a number for each agent, so that its derivative can be clipped for each agent.
        """
        c = len(heard.contact)
        totals = heard.cell[self._cell] if self._sizes.size else np.zeros(self.n)
        given = (*stages, *heard.contact, totals, *np.repeat(heard.theta[:, None], self.n, axis=1))
        leaves = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in given]
        cell_share = None
        if self._sizes.size:
            sizes = torch.from_numpy(self._sizes[self._cell])
            cell_share = torch.minimum(torch.clamp(leaves[3 + c], min=0.0), sizes) / sizes
        parameters = RelaxedParameters.of(list(leaves[4 + c :]))
        after = relaxation.advance(
            (leaves[0], leaves[1], leaves[2]),
            contact=list(leaves[3 : 3 + c]),
            cell=cell_share,
            susceptibility=self._susceptibility,
            theta=parameters,
            factor=relaxation.factor(self._manifest.gradient, parameters, step),
            escape=_escape,
        )
        return [stage for stage in after if isinstance(stage, torch.Tensor)], leaves


def _escape(hazard: Any) -> Number:
    return -torch.expm1(-hazard)
