"""Agents in the clear, whatever a run's model is: the one place that asks which engine computes it."""

import torch

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.graph_population import GraphPopulation
from lpm_secure.engine.loop import EngineAgents
from lpm_secure.engine.tensors.agents import Agents
from lpm_secure.engine.tensors.graph import Graph
from protocols.arithmetic.fixed_point import I64
from protocols.models import Seir
from protocols.models.agent_model import NO_COLUMNS, AgentSource, Columns
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
    """Return agents as the engine's loop moves them on: S-E-I-R as tensors, a model's graph on the CPU.

    Args:
        manifest: of the run.
        source: the agents' numbers, and the key of the simulation generator.
        cell: int64[n]; empty where the run has no cells.
        device: of tensors.
        contacts: among them, by slot of the run; or none.
        columns: array[n] of each private column, and of fields that holders know.
    """
    model = manifest.model
    if isinstance(model, Seir):
        n, c, period = source.agents.size, len(manifest.channels), manifest.period
        graph = None if contacts is None else Graph(contacts, n=n, c=c, period=period, device=device)
        return Agents(manifest, source, cell=cell, device=device, graph=graph, columns=columns)
    return GraphPopulation(manifest, model, source, cell=cell, contacts=contacts, columns=columns)
