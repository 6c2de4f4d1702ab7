"""The engine's loop over relaxed agents with tangents, and the clear run that a private one is held against."""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from lpm_secure.engine.loop import PrivatePart, StepRelease
from lpm_secure.engine.model_agents import ContactMatrices
from lpm_secure.testbed.synthetic import SYNTHETIC_FROM, cells_of, draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.fixed_point import I64
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.dynamics import Relaxation
from protocols.models.gradient import Gradient
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan

F64 = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class TangentSeries:
    """Expected stage counts and their derivatives, of private and synthetic agents.

    Attributes:
        counts: int64[T + 1, 2, q, 1 + p]: day, private or synthetic, stage, value and tangents in fixed point.
        given: scales and names of the parameters.
    """

    counts: I64
    given: Gradient

    @property
    def value(self) -> F64:
        """Expected counts, float64[T + 1, 2, q]."""
        value: F64 = np.ldexp(self.counts[..., 0].astype(np.float64), -self.given.value_bits)
        return value

    @property
    def tangent(self) -> F64:
        """Their derivatives, float64[T + 1, 2, q, p], by the manifest's parameters in their order."""
        tangent: F64 = np.ldexp(self.counts[..., 1:].astype(np.float64), -self.given.tangent_bits)
        return tangent


@final
class ClearTangents(PrivatePart):
    """The oracle: all private agents in this process, in the clear."""

    def __init__(self, testbed: Testbed) -> None:
        """Take the testbed's private agents."""
        manifest, self._layout = testbed.manifest, Layout.of(testbed.manifest)
        n, channels = self._layout.n, manifest.model.graph.channels
        self._matrices = ContactMatrices(testbed.contacts, channels, n=n, period=manifest.period)
        self._run, self._plan = manifest.relaxation, ReleasePlan.of(manifest)
        self.agents = ChainAgents.of_run(self._run, columns=testbed.columns, cell=testbed.cell, n=n)
        self._bound = self._plan.contribution_bound()

    async def advance(self, step: int, synthetic: I64) -> StepRelease:
        """Move the agents on, and return their totals before that."""
        messages = self.agents.messages()
        cells, tally = _cells(self._run, self.agents, messages), self.agents.tally()
        if self._bound is not None:
            contribution = self._bound.contribution(self.agents, messages)
            self._bound.spend(contribution)
            cells, tally = contribution.cells, contribution.tally
        if step < self._run.steps:
            self.agents.update(self._contact(messages, step), cells + synthetic.reshape(cells.shape), step=step)
        tally = self._plan.reduce(tally)
        return StepRelease(cells.reshape(-1), tally.reshape(-1), len(self._layout.own), 0)

    def _contact(self, messages: I64, step: int) -> I64:
        """Return what reaches each agent, int64[n, c, 1 + p]."""
        if not self._layout.c:
            return np.zeros((messages.shape[1], 0, len(messages)), dtype=np.int64)
        names = self._run.model.contact_channels
        exposure = np.zeros((messages.shape[1], len(names), len(messages)), dtype=np.int64)
        for place, name in enumerate(names):
            for column, told in enumerate(messages):
                exposure[:, place, column] = self._matrices.add_up(name, told[:, place], step=step)
        return exposure


def synthetic_part(testbed: Testbed) -> ChainAgents:
    """Return the engine's own relaxed agents, in the cells that `lpm_secure.testbed.testbed` gives them."""
    agents = np.arange(testbed.synthetic, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM)
    manifest, ranges = testbed.manifest, testbed.city.columns if testbed.city else {}
    columns = draw_columns(manifest, agents, ranges)
    cell = cells_of(agents, manifest)
    return ChainAgents.of_run(manifest.relaxation, columns=columns, cell=cell, n=agents.size)


async def simulate_tangents(
    run: Relaxation, plan: ReleasePlan, private: PrivatePart, synthetic: ChainAgents
) -> TangentSeries:
    """Run steps 0 to T, and return expected counts with their derivatives: one run, for all parameters at once.

    Args:
        run: which takes tangents.
        plan: of its releases.
        private: the private agents, remote or in the clear.
        synthetic: the engine's own; may be none at all.
    """
    given = run.gradient
    nobody = np.zeros((0, 0, 1 + given.p), dtype=np.int64)  # the engine's agents meet others in cells alone
    counts = []
    for step in range(run.steps + 1):
        cells = _cells(run, synthetic, synthetic.messages())
        release = await private.advance(step, cells.reshape(-1))
        own = plan.reduce(synthetic.tally())
        counts.append(np.stack([release.tally.reshape(own.shape), own]))
        if step < run.steps:
            synthetic.update(nobody, cells + release.cells.reshape(cells.shape), step=step)
    return TangentSeries(np.stack(counts), given)


def _cells(run: Relaxation, agents: ChainAgents, messages: I64) -> I64:
    """Return what agents tell their cells, int64[w * cells, 1 + p]."""
    return agents.cells(messages, channels=len(run.model.agents.cell_most))
