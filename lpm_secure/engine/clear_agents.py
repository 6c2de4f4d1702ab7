"""Agents in the clear, whatever a run's model is: the one place that asks which engine computes it."""

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.device import Device
from lpm_secure.engine.graph_population import FEW, GraphPopulation, VenuePopulation
from lpm_secure.engine.loop import EngineAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.engine.venues.contacts import contacts_of
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import NO_COLUMNS, AgentSource, Columns
from protocols.models.dynamics import Dynamics
from protocols.models.graph.agents import select_field_columns


def clear_agents(
    dynamics: Dynamics,
    source: AgentSource,
    *,
    cell: I64,
    device: Device,
    contacts: ContactTable | None = None,
    columns: Columns = NO_COLUMNS,
) -> EngineAgents:
    """Return agents as the engine's loop moves them on: many by the generated step, few without compiling anything.

    Args:
        dynamics: of the run.
        source: the agents' numbers, and the key of the simulation generator.
        cell: int64[n]; empty where the run has no cells.
        device: of tensors.
        contacts: among them, by slot of the run; or none.
        columns: array[n] of each private column, and of fields that holders know.
    """
    if source.agents.size > FEW and is_compiled(dynamics, columns, device):
        return _compiled(dynamics, source, cell, contacts, columns)
    return GraphPopulation(dynamics, source, cell=cell, contacts=contacts, columns=columns, device=device)


def is_compiled(dynamics: Dynamics, columns: Columns, device: Device) -> bool:
    """Return whether a generated step knows all of a run: no scores, known fields, moves, own numbers or devices."""
    graph = dynamics.model.graph
    plain = dynamics.gradient is None and device.type == "cpu"
    return plain and not graph.along and not graph.cell_field and not select_field_columns(graph, columns)


def _compiled(
    dynamics: Dynamics, source: AgentSource, cell: I64, contacts: ContactTable | None, columns: Columns
) -> VenuePopulation:
    model, n = dynamics.model, source.agents.size
    graph = model.graph
    along = {} if contacts is None else contacts_of(contacts, graph, n=n, period=dynamics.period)
    venues = Venues.nowhere(n)
    if dynamics.cells:
        people = np.array(dynamics.cells, dtype=np.int64)
        venues = Venues.of([Setting("cells", cell.astype(np.int32), np.maximum(people, 1), people=people)])
    mixes = (VenueLink(0),) if dynamics.cells else ()
    links = {name: mixes if channel.cell else () for name, channel in graph.channels.items()}
    channels = VenueChannels(venues, links, along)
    key, first = source.key, source.agents
    return VenuePopulation(dynamics, model.parameters, channels, key=key, first=first, columns=columns)
