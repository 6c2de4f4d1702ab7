"""Agents of hand-written engines, which hear of their cells a hazard alone."""

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.run_model import agent_model_of
from protocols.task.manifest import Simulation


def cell_hazards(manifest: Simulation, totals: I64) -> I64:
    """Return the hazard that each cell exerts in a step, int64[cells]; of models with one outcome."""
    sizes = np.array(manifest.cells, dtype=np.int64)
    return agent_model_of(manifest.model).pressure(totals, sizes)[:, 0]


class HazardAgents(Protocol):
    """Agents in the clear, as hand-written engines have them."""

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[cells]."""

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""

    def update(self, pressure: I64, *, step: int) -> None:
        """Move on by one step, under the hazard of each cell."""


@final
@dataclass(frozen=True, slots=True)
class CellAgents:
    """Such agents as the engine's loop moves them on: by totals.

    Attributes:
        manifest: of the run.
        agents: its agents.
    """

    manifest: Simulation
    agents: HazardAgents

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[cells]."""
        return self.agents.cell_totals()

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""
        return self.agents.tally()

    def update(self, totals: I64, *, step: int) -> None:
        """Move on by one step."""
        self.agents.update(cell_hazards(self.manifest, totals), step=step)
