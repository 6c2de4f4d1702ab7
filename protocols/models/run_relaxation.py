"""The relaxed agents of a manifest's model, whatever it is of."""

from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import Columns
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.chain.chain_groups import ChainGroups
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.score_parameters import entries_of
from protocols.models.relaxed_agents import RelaxedAgents
from protocols.models.run_model import RunModel
from protocols.models.seir.agents import susceptibility
from protocols.models.seir.relaxed_agents import RelaxedSeir


def relaxation_of(
    model: RunModel,
    gradient: Gradient,
    *,
    channels: tuple[str, ...],
    sizes: tuple[int, ...],
    cell: I64,
    columns: Columns,
    n: int,
    steps: int,
) -> RelaxedAgents:
    """Return n agents at the beginning.

    Args:
        model: of the run.
        gradient: which derivatives, and in which fixed point.
        channels: names of the contact channels.
        sizes: people in each cell; empty where the run has none.
        cell: int64[n], each agent's cell; empty where the run has none.
        columns: what agents' holder gives.
        n: agents.
        steps: of the run.

    Raises:
        ModelError: a model's graph has no local chain.
        DataError: a column is missing, or out of its range.
    """
    if isinstance(model, GraphModel):
        groups = ChainGroups.of(model, entries_of(model, gradient.parameters), columns=columns, n=n, steps=steps)
        return ChainAgents(groups, gradient, sizes=sizes, cell=cell)
    given = susceptibility(columns, n)
    return RelaxedSeir(model, gradient, channels=channels, sizes=sizes, susceptibility=given, cell=cell)
