"""The engine's loop over relaxed agents with tangents, and the clear run that a private one is held against."""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
import torch

from lpm_secure.engine.loop import PrivatePart, StepRelease
from lpm_secure.engine.tensors.graph import Graph
from lpm_secure.testbed.synthetic import SYNTHETIC_FROM, cells_of
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.fixed_point import I64
from protocols.models.gradient import Gradient
from protocols.models.seir.relaxation import STAGES
from protocols.models.seir.relaxed_agents import RelaxedAgents
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation

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
        manifest = testbed.manifest
        layout, cpu = Layout.of(manifest), torch.device("cpu")
        self._manifest = manifest
        self._graph = Graph(testbed.contacts, n=layout.n, c=layout.channels, period=manifest.period, device=cpu)
        self.agents = _agents(manifest, testbed.cell, n=layout.n)

    async def advance(self, step: int, synthetic: I64) -> StepRelease:
        """Move the agents on, and return their totals before that."""
        says = self.agents.says()
        cells, tally = self.agents.cells(says), self.agents.tally()
        if step < self._manifest.steps:
            self.agents.update(self._contact(says, step), cells + synthetic.reshape(cells.shape), step=step)
        return StepRelease(cells.reshape(-1), tally.reshape(-1), len(self._manifest.clients), 0)

    def _contact(self, says: I64, step: int) -> I64:
        if self._manifest.mode != "sum":
            return np.zeros((says.shape[1], 0, len(says)), dtype=np.int64)
        c = len(self._manifest.channels)
        wide = (torch.from_numpy(said)[:, None].expand(-1, c + 1).contiguous() for said in says)
        return np.stack([self._graph.add_up(said, step=step).numpy() for said in wide], axis=-1)


def synthetic_part(testbed: Testbed) -> RelaxedAgents:
    """Return the engine's own relaxed agents, in the cells that `lpm_secure.testbed.testbed` gives them."""
    agents = np.arange(testbed.synthetic, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM)
    manifest = testbed.manifest
    return _agents(manifest, cells_of(agents, manifest), n=agents.size)


async def simulate_tangents(manifest: Simulation, private: PrivatePart, synthetic: RelaxedAgents) -> TangentSeries:
    """Run steps 0 to T, and return expected counts with their derivatives: one run, for all parameters at once.

    Args:
        manifest: of the run, which takes tangents.
        private: the private agents, remote or in the clear.
        synthetic: the engine's own; may be none at all.
    """
    given = manifest.require_gradient()
    nobody = np.zeros((0, 0, 1 + given.p), dtype=np.int64)  # the engine's agents meet others in cells alone
    counts = []
    for step in range(manifest.steps + 1):
        cells = synthetic.cells(synthetic.says())
        release = await private.advance(step, cells.reshape(-1))
        counts.append(np.stack([release.tally.reshape(STAGES, 1 + given.p), synthetic.tally()]))
        if step < manifest.steps:
            synthetic.update(nobody, cells + release.cells.reshape(cells.shape), step=step)
    return TangentSeries(np.stack(counts), given)


def _agents(manifest: Simulation, cell: I64, *, n: int) -> RelaxedAgents:
    return RelaxedAgents(
        manifest.model.require_seir("tangents"),
        manifest.require_gradient(),
        channels=manifest.channels,
        sizes=manifest.cells,
        susceptibility=np.ones(n),
        cell=cell,
    )
