"""Twins: that each client has one for each of its agents, in cells that stay."""

from collections.abc import Mapping, Sequence

from protocols.errors import ParameterError
from protocols.models.agent_model import AgentModel
from protocols.task.parties import ClientParty


def check_twins(
    twins: Mapping[str, Sequence[int]],
    clients: Sequence[ClientParty],
    model: AgentModel,
    *,
    cells: Sequence[int],
    engine: bool,
    derives: bool,
) -> None:
    """Refuse twins of other clients or agents than the run's, and runs in which nobody could stand in for anybody.

    Args:
        twins: for each client, how many of its agents are in each cell.
        clients: of the run.
        model: of the run.
        cells: of the run.
        engine: whether the run has one.
        derives: whether the run yields derivatives.

    Raises:
        ParameterError: no engine, no cells, cells that agents move between, derivatives, or counts that do not fit.
    """
    if not engine or not cells or not model.cell_most:
        raise ParameterError(
            "twins stand in for private agents in cells, and the engine simulates them: a run with twins needs an "
            "engine, cells, and a model whose agents tell their cell something; leave twins out"
        )
    if model.cell_field is not None:
        raise ParameterError(
            f"agents move between the cells of {model.cell_field}, which nobody but their holder knows, so no twin can "
            "be where they are; leave twins out"
        )
    if derives:
        raise ParameterError("twins have no derivatives; leave twins, or the gradient, out")
    agents = {client.name: len(client.agents) for client in clients}
    if odd := sorted(twins.keys() ^ agents.keys()):
        raise ParameterError(f"twins are of all clients and of no others, and {odd[0]} is in only one of both")
    for name, counts in twins.items():
        if len(counts) != len(cells) or sum(counts) != agents[name]:
            raise ParameterError(
                f"the twins of {name} are {sum(counts)} in {len(counts)} cells; it has {agents[name]} agents, and the "
                f"run {len(cells)} cells: give each cell the number of its agents there"
            )
