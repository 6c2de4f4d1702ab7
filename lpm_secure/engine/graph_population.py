"""Agents of a model's graph as the engine's loop moves them on."""

from collections.abc import Mapping
from typing import Any, Final, final

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import Backend, NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.device import Device, Processor
from lpm_secure.engine.model_agents import (
    EMPTY,
    NOWHERE,
    CellMixing,
    ContactMatrices,
    ContactSums,
    ModelAgents,
    ModelObserver,
)
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError
from protocols.models.agent_model import NO_COLUMNS, AgentSource, Columns
from protocols.models.dynamics import Dynamics
from protocols.models.graph.agents import select_field_columns
from protocols.models.state import State

CPU: Final = Processor()
FEW: Final = 2**15  # agents that are interpreted before a loop would have been compiled


@final
class GraphPopulation:
    """Agents in the clear; private ones with their contacts, or synthetic ones that meet in cells.

    Attributes:
        model: of the manifest.
        source: the agents' numbers, and the key of the simulation generator.
        columns: what their holders give.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        source: AgentSource,
        *,
        cell: I64,
        contacts: ContactTable | None = None,
        columns: Columns = NO_COLUMNS,
        device: Device = CPU,
    ) -> None:
        """Draw the agents' states.

        Args:
            dynamics: of the run.
            source: the agents' numbers, and the key of the simulation generator.
            cell: int64[n]; empty where the run has no cells.
            contacts: among them by slot, or none.
            columns: int64[n] of each private column, and of fields that holders know.
            device: of tensors, where it is no CPU.
        """
        model = self.model = dynamics.model
        self.source, self.columns = source, columns
        graph, n = model.graph, source.agents.size
        backend: Backend = NumpyBackend(graph) if n <= FEW else NumbaBackend(graph)
        table: ContactSums | None = None
        if contacts is not None:
            table = matrices = ContactMatrices(contacts, graph.channels, n=n, period=dynamics.period)
        if device.type != "cpu":
            from lpm_secure.engine.backends.torch_backend import TorchBackend  # noqa: PLC0415 - the CPU does without
            from lpm_secure.engine.tensor_contacts import TensorContacts  # noqa: PLC0415

            backend = tensors = TorchBackend(graph, device.type)
            table = None if table is None else TensorContacts(matrices, model.contact_channels, tensors)
        self._agents = ModelAgents(
            backend,
            model.parameters,
            agents=source.agents,
            key=source.key,
            contacts=table,
            cells=CellMixing(cell, np.array(dynamics.cells, dtype=np.int64)) if dynamics.cells else NOWHERE,
            columns=columns,
            known=select_field_columns(graph, columns),
            steps=dynamics.steps,
        )
        self._channels = sorted(name for name, channel in graph.channels.items() if channel.cell)
        self._cells, self._public = len(dynamics.cells), sorted(graph.public)

    def attach(self, observer: ModelObserver) -> None:
        """Tell an observer of each step."""
        self._agents.observer = observer

    @property
    def state(self) -> State:
        """Return the agents' state, int64[n] of each field."""
        return self._agents.state

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[w * cells] of w cell channels."""
        totals = self._agents.cell_totals()
        nothing = np.zeros(0, dtype=np.int64)
        each = [totals[name] for name in self._channels] if self._cells else []
        return np.concatenate([nothing, *each])

    def tally(self) -> I64:
        """Return the totals of the model's stages and observables, int64[q]."""
        return self._agents.tally_totals()

    def update(self, totals: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            totals: int64[w * cells + e], what everybody together says to each cell, then the environment's numbers.
            step: of the run.
        """
        words = len(self._channels) * self._cells
        each = totals[:words].reshape(-1, max(self._cells, 1))
        public = dict(zip(self._public, totals[words:].tolist(), strict=True))
        self._agents.update(public, everybody=dict(zip(self._channels, each, strict=False)))


def setting_of_cells(cells: tuple[int, ...], n: int) -> Setting:
    """Return a run's cells as a setting of n agents, of whom neighbours share one; without cells they are in none."""
    people = np.array(cells, dtype=np.int64)
    cell = np.arange(n, dtype=np.int64) * people.size // n if people.size else np.full(n, -1)
    return Setting("cells", cell.astype(np.int32), np.maximum(people, 1), people=people)


@final
class VenuePopulation:
    """Agents of a model's graph by its generated step; channels of cells meet in the cells of the run."""

    def __init__(
        self,
        dynamics: Dynamics,
        parameters: Mapping[str, int | tuple[int, ...]],
        channels: VenueChannels,
        *,
        key: tuple[int, int],
        first: U64 | int,
        columns: Mapping[str, Any] = EMPTY,
    ) -> None:
        """Draw the agents' beginning.

        Args:
            dynamics: of the run.
            parameters: an integer of each, or a law's weights.
            channels: where they meet.
            key: of the simulation generator.
            first: number of the first agent, whom the others follow; or the numbers of all.
            columns: whole numbers [n] of each private column.

        Raises:
            DataError: a column is missing or out of its range.
            ParameterError: a parameter is missing or out of its range.
            WouldWrap: an outcome's level could leave its proved range.
        """
        graph = dynamics.model.graph
        self._agents = VenueAgents(
            graph, parameters, channels, key=key, agents=first, columns=columns, steps=dynamics.steps
        )
        self._channels = sorted(name for name, channel in graph.channels.items() if channel.cell)
        self._cells, self._public = len(dynamics.cells), sorted(graph.public)

    def cell_totals(self) -> I64:
        """Return what the agents say to each cell, int64[w * cells] of w cell channels."""
        each = [self._agents.cell_totals(name) for name in self._channels]
        return np.concatenate([np.zeros(0, dtype=np.int64), *each])

    def tally(self) -> I64:
        """Return the totals of the model's stages and observables, int64[q]."""
        return self._agents.tally()

    def update(self, totals: I64, *, step: int) -> None:
        """Move on by one step.

        Args:
            totals: int64[w * cells + e], what everybody together says to each cell, then the environment's numbers.
            step: of the run.

        Raises:
            ParameterError: another step than the next.
        """
        if step != self._agents.step:
            raise ParameterError(f"got step {step}; the next is {self._agents.step}")
        words = len(self._channels) * self._cells
        each = totals[:words].reshape(-1, max(self._cells, 1))
        public = dict(zip(self._public, totals[words:].tolist(), strict=True))
        self._agents.update(public, everybody=dict(zip(self._channels, each, strict=False)))
