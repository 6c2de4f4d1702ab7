"""Parties: every name once, every agent once, and as many clients as a release must cover."""

from collections import Counter
from collections.abc import Iterable, Sequence

from protocols.errors import ParameterError
from protocols.identity.trust import require_client
from protocols.quantity import quantity
from protocols.task.parties import (
    ENGINE,
    AggregatorParty,
    ClientParty,
    DealerParty,
    InstitutionParty,
    NamedParty,
    contributors,
    servers_of,
)


def check_names(
    aggregators: Sequence[AggregatorParty], dealer: DealerParty | None, clients: Sequence[NamedParty]
) -> None:
    """Refuse two parties of one name, one that has the engine's, and a client that has the name of a role.

    Raises:
        ParameterError: with the name.
    """
    names = [party.name for party in (*servers_of(aggregators, dealer), *clients)]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ParameterError(f"the name {repeated[0]} is given to two parties; every party needs its own")
    if ENGINE in names:
        raise ParameterError(f"a party is named {ENGINE}; that name is the engine's")
    for client in clients:
        require_client(client.name)


def check_agents(clients: Sequence[ClientParty]) -> None:
    """Refuse a run of nobody, and an agent of two clients.

    Raises:
        ParameterError: it is one.
    """
    if not clients:
        raise ParameterError("a run needs at least one client")
    agents = [agent for client in clients for agent in client.agents]
    if len(set(agents)) != len(agents):
        raise ParameterError("an agent is listed twice; every agent has one client")


def check_cohort(clients: Iterable[ClientParty | InstitutionParty], min_cohort: int) -> None:
    """Refuse a cohort that the run cannot have.

    Raises:
        ParameterError: there are fewer clients that count in one.
    """
    most, parties = len(contributors(clients)), list(clients)
    if min_cohort > most:
        what = quantity(most, "client") + ("" if most == len(parties) else " with agents")
        raise ParameterError(f"min_cohort is {min_cohort}, but the run has {what}: set it lower")
