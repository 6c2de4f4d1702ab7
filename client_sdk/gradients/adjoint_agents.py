"""The relaxed agents of a manifest's model that can be gone back through, whatever it is of."""

from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError
from protocols.models.agent_model import Columns
from protocols.models.chain.chain_adjoints import ChainAdjoints
from protocols.models.chain.chain_groups import ChainGroups
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.score_parameters import entries_of
from protocols.models.relaxed_agents import ReversibleAgents
from protocols.task.manifest import Simulation


def adjoint_agents_of(manifest: Simulation, *, cell: I64, columns: Columns, n: int) -> ReversibleAgents:
    """Return n agents.

    Args:
        manifest: of a run with adjoints.
        cell: int64[n], each agent's cell; empty where the run has none.
        columns: what agents' holder gives.
        n: agents.

    Raises:
        ParameterError: those of the table `[model]` need torch, which is not installed.
        ModelError: a model's graph has no local chain.
        DataError: a column is missing, or out of its range.
    """
    model, gradient = manifest.model, manifest.require_gradient()
    if isinstance(model, GraphModel):
        entries = entries_of(model, gradient.parameters)
        groups = ChainGroups.of(model, entries, columns=columns, n=n, steps=manifest.steps)
        return ChainAdjoints(groups, gradient, sizes=manifest.cells, cell=cell)
    try:
        from client_sdk.gradients.seir_adjoints import SeirAdjoints  # noqa: PLC0415 - the one way that needs torch
    except ModuleNotFoundError as error:
        raise ParameterError(
            f"adjoints of the table [model] need {error.name}, which is not installed: "
            "pip install 'lpm-secure[gradients]'"
        ) from error
    return SeirAdjoints(manifest, model, cell=cell, columns=columns, n=n)
