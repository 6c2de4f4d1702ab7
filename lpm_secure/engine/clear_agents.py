"""Agents in the clear, whatever a run's model is: the one place that asks which engine computes it."""

import numpy as np
import torch

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.built_in import graph_of
from lpm_secure.engine.graph_population import FEW, GraphPopulation, VenuePopulation
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.loop import EngineAgents
from lpm_secure.engine.tensors.agents import Agents
from lpm_secure.engine.tensors.graph import Graph
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.engine.venues.contacts import contacts_of
from protocols.arithmetic.fixed_point import I64
from protocols.models import Seir
from protocols.models.agent_model import NO_COLUMNS, AgentSource, Columns
from protocols.models.graph.agents import select_field_columns
from protocols.task.manifest import Simulation


def clear_agents(
    manifest: Simulation,
    source: AgentSource,
    *,
    cell: I64,
    device: torch.device,
    contacts: ContactTable | None = None,
    columns: Columns = NO_COLUMNS,
) -> EngineAgents:
    """Return agents as the engine's loop moves them on: many by the generated step, few without compiling anything.

    Args:
        manifest: of the run.
        source: the agents' numbers, and the key of the simulation generator.
        cell: int64[n]; empty where the run has no cells.
        device: of tensors.
        contacts: among them, by slot of the run; or none.
        columns: array[n] of each private column, and of fields that holders know.
    """
    model = manifest.model
    if source.agents.size > FEW and is_compiled(manifest, columns, device):
        return _compiled(manifest, source, cell, contacts, columns)
    if isinstance(model, Seir):
        n, c, period = source.agents.size, len(manifest.channels), manifest.period
        graph = None if contacts is None else Graph(contacts, n=n, c=c, period=period, device=device)
        return Agents(manifest, source, cell=cell, device=device, graph=graph, columns=columns)
    return GraphPopulation(manifest, model, source, cell=cell, contacts=contacts, columns=columns)


def is_compiled(manifest: Simulation, columns: Columns, device: torch.device) -> bool:
    """Return whether a generated step knows all of a run: no scores, doses, known fields or other devices.

    Of the table `[model]` it knows no columns: neither known stages nor susceptibility.
    """
    model = manifest.model
    if isinstance(model, Seir):
        return manifest.gradient is None and model.doses is None and device.type == "cpu" and not columns
    return manifest.gradient is None and not model.graph.along and not select_field_columns(model.graph, columns)


def _compiled(
    manifest: Simulation, source: AgentSource, cell: I64, contacts: ContactTable | None, columns: Columns
) -> VenuePopulation:
    model, n, period = manifest.model, source.agents.size, manifest.period
    along: dict[str, tuple[Csr, ...]] = {}
    if isinstance(model, Seir):
        graph, parameters = graph_of(model)
        if contacts is not None:
            along = {"contact": tuple(Csr.of(contacts, n=n, day=day, beta=model.beta) for day in range(period))}
    else:
        graph, parameters = model.graph, model.parameters
        along = {} if contacts is None else contacts_of(contacts, graph, n=n, period=period)
    venues = Venues.nowhere(n)
    if manifest.cells:
        people = np.array(manifest.cells, dtype=np.int64)
        venues = Venues.of([Setting("cells", cell.astype(np.int32), np.maximum(people, 1), people=people)])
    mixes = (VenueLink(0),) if manifest.cells else ()
    links = {name: mixes if channel.cell else () for name, channel in graph.channels.items()}
    channels = VenueChannels(venues, links, along)
    return VenuePopulation(manifest, graph, parameters, channels, key=source.key, first=source.agents, columns=columns)
