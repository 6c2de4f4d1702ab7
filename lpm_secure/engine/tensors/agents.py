"""Agents in the clear, on one torch device: the engine's own, and in the clear run everybody."""

from typing import final

import numpy as np
import torch

from lpm_secure.engine.cells import cell_hazards
from lpm_secure.engine.tensors.graph import Graph
from protocols.arithmetic.fixed_point import I64
from protocols.models import Exposure
from protocols.models.agent_model import NO_COLUMNS, AgentSource, Columns
from protocols.models.run_model import agent_model_of
from protocols.task.manifest import Simulation


@final
class Agents:
    """State of n agents as tensors, and the same substeps that clients run on numpy.

    Attributes:
        state: fields of the model, tensor[n] each.
    """

    def __init__(
        self,
        manifest: Simulation,
        source: AgentSource,
        *,
        cell: I64,
        device: torch.device,
        graph: Graph | None = None,
        columns: Columns = NO_COLUMNS,
    ) -> None:
        """Draw the agents' thresholds and durations as their clients would.

        Args:
            manifest: of the run.
            source: the agents' numbers, and the key of the simulation generator.
            cell: int64[n]; empty where the run has no cells.
            device: cuda or cpu.
            graph: contacts among them, or none.
            columns: what their holders give and know.
        """
        model = manifest.model.require_seir("tensors")
        start = agent_model_of(model).initial_state(source, columns)
        self.state = {name: torch.from_numpy(np.asarray(value)).to(device) for name, value in start.items()}
        self._model = model.model()
        self._graph, self._manifest = graph, manifest
        self._cell = torch.from_numpy(cell).to(device)
        self._cells = len(manifest.cells)
        self._c = len(manifest.channels)
        self._device = device

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[cells]."""
        totals = torch.zeros(self._cells, dtype=torch.int64, device=self._device)
        if self._cells:
            says = self._model.message(self.state, channels=self._c)[:, self._c]
            totals.index_add_(0, self._cell, says.contiguous())
        result: I64 = totals.cpu().numpy()
        return result

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""
        return np.array(self._model.tally(self.state), dtype=np.int64)

    def update(self, totals: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            totals: int64[cells], what everybody together says to each cell.
            step: of the run, for contacts that change by day.
        """
        n = self.state["stage"].shape[0]
        if self._cells:
            hazard = torch.from_numpy(cell_hazards(self._manifest, totals)).to(self._device)[self._cell]
        else:
            hazard = torch.zeros(n, dtype=torch.int64, device=self._device)
        if self._graph is None:
            contact = torch.zeros((1, self._c), dtype=torch.int64, device=self._device).expand(n, self._c)
        else:
            contact = self._graph.add_up(self._model.message(self.state, channels=self._c), step=step)
        self.state = dict(self._model.update(self.state, Exposure(contact, hazard)))
