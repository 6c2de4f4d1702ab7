"""Who takes part in a run: aggregators, dealer and clients, by name."""

from collections.abc import Iterable
from typing import Annotated, Final, Protocol, TypeVar, final

import msgspec

from protocols.identity.trust import Name

A = TypeVar("A")
D = TypeVar("D")
ENGINE: Final = "engine"  # the engine's name; no party may have it
Address = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.\-\[\]:]{1,255}:[0-9]{1,5}\Z")]


@final
class AggregatorParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's server. Its certificate names it.

    Attributes:
        address: for clients, the engine and the other aggregators.
        mpc: for the other aggregators' secure comparison; in outcome mode only, and not where security is active.
        permutation: for the other servers of the secret permutation; where edges are permuted only.
    """

    name: Name
    address: Address
    mpc: Address | None = None
    permutation: Address | None = None


@final
class DealerParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A further operator, which hands the aggregators correlated randomness and sees no input."""

    name: Name
    address: Address
    permutation: Address | None = None


@final
class ClientParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client, and the numbers by which the others know its agents.

    Security: public. That an agent takes part, and with which client, is visible to all parties.
    """

    name: Name
    agents: tuple[Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)], ...]


@final
class InstitutionParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client of a secure sum, which has no agents.

    Security: public. That an institution takes part is visible to all parties.
    """

    name: Name


class NamedParty(Protocol):
    """A client of any run."""

    @property
    def name(self) -> str:
        """Return its name."""


def servers_of(aggregators: Iterable[A], dealer: D | None) -> tuple[A | D, ...]:
    """Return a run's parties with a server, the dealer last where there is one."""
    return (*aggregators, *(() if dealer is None else (dealer,)))


def contributors(clients: Iterable[ClientParty | InstitutionParty]) -> frozenset[str]:
    """Return the names of those among whom a release hides each: a client without agents adds nothing to it.

    Where nobody has agents, nothing is told of anybody, and all count.
    """
    each = {client.name: isinstance(client, InstitutionParty) or bool(client.agents) for client in clients}
    return frozenset(filter(each.get, each)) or frozenset(each)


def agents_of(clients: Iterable[ClientParty]) -> int:
    """Return how many private agents clients have together."""
    return sum(len(client.agents) for client in clients)
