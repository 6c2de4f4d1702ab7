"""What every `project.toml` says, whatever is computed: the run's operator and time, its parties, their security."""

import datetime
from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, Protocol, final

import msgspec

from lpm_secure.config.bounds import Positive
from protocols.errors import ConfigError
from protocols.identity.trust import Name, require_client, require_operators, require_period
from protocols.task.base import Seconds, Security
from protocols.task.parties import Address, servers_of

LAST_PORT: Final = 65_535


class OperatedParty(Protocol):
    """A party with an operator and a kit: a server, or the engine."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def operator(self) -> str:
        """Return who runs it."""


@final
class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An aggregator, or the dealer.

    Attributes:
        name: of the server, in the manifest and in its certificate.
        operator: who runs it; no two servers have the same one.
        address: host and port that all others reach it at.
        listen: host and port that an aggregator serves on; its address unless given.
        mpc: of an aggregator in outcome mode, for the other aggregators' comparisons; not where security is active.
        permutation: for the other servers of the secret permutation; where edges are permuted only.
    """

    name: Name
    operator: Name
    address: Address
    listen: Address | None = None
    mpc: Address | None = None
    permutation: Address | None = None


class BaseProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a project of any kind says; subclasses are final, one for each kind of manifest.

    Attributes:
        name: of the run, in the manifest and in reports.
        operator: of the run, who signs the manifest; one of the servers' operators may be it.
        not_before, not_after: when the run may take place, UTC, whole seconds.
        min_cohort: a release covers at least so many clients.
        collusion_bound: how many aggregators may pool what they have; all but one unless given.
        join_timeout_s: how long the first round waits for clients.
        round_timeout_s: how long every later one does.
        aggregators: k >= 2 servers, each of another operator.
        dealer: a server of a further operator, which sees no input.
    """

    name: Name
    operator: Name
    not_before: datetime.datetime
    not_after: datetime.datetime
    security: Security = "semi-honest"
    min_cohort: Positive
    collusion_bound: Positive | None = None
    join_timeout_s: Seconds = 60.0
    round_timeout_s: Seconds = 10.0
    aggregators: tuple[ServerEntry, ...]
    dealer: ServerEntry | None = None

    def __post_init__(self) -> None:
        """Check parties and time.

        Raises:
            ConfigError, ParameterError: they contradict each other.
        """
        for name in self.client_names:
            require_client(name)
        names = [*(server.name for server in self.servers), *self.client_names]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"two parties have the name {twice}; every party needs its own")
        require_period(self.not_before, self.not_after)
        require_operators([server.operator for server in self.servers])
        _check_addresses(self.servers)

    @property
    @abstractmethod
    def client_names(self) -> tuple[str, ...]:
        """Return the names of all clients."""

    @property
    @abstractmethod
    def engine_party(self) -> OperatedParty | None:
        """Return who runs the engine, which has a kit then."""

    @property
    def engine_key(self) -> bytes | None:
        """Return the key of an engine that has no kit."""
        return None

    def require_open(self) -> None:
        """Refuse a run whose time is over.

        Raises:
            ConfigError: it is.
        """
        if self.not_after <= datetime.datetime.now(datetime.UTC):
            raise ConfigError(f"not_after is {self.not_after:%F %T} UTC, which is over; set it later")

    @property
    def operated(self) -> tuple[OperatedParty, ...]:
        """Return the parties with an operator and a kit: all servers, and the engine where a table says who runs it."""
        return (*self.servers, *((self.engine_party,) if self.engine_party is not None else ()))

    @property
    def servers(self) -> tuple[ServerEntry, ...]:
        """Return all servers, the dealer last."""
        return servers_of(self.aggregators, self.dealer)


def _check_addresses(servers: Sequence[ServerEntry]) -> None:
    places = [each for one in servers for each in (one.address, one.mpc, one.permutation) if each is not None]
    for each in places:
        if places.count(each) > 1:
            raise ConfigError(f"two servers, or two services of one, have the address {each}; each needs its own")
        if not 1 <= int(each.rpartition(":")[2]) <= LAST_PORT:
            raise ConfigError(f"the address {each} has no such port; there are 1 to {LAST_PORT}")
