"""Who takes part in the aggregators' multi-party computation, where, and with which certificates."""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, final

from protocols.errors import ConfigError
from protocols.identity.trust import Trust

RUN_BYTES: Final = 32
_MAX_PARTIES: Final = 16


@final
@dataclass(frozen=True, slots=True)
class Endpoint:
    """A party of the computation: its operator's name, as in the certificate, and where it listens.

    Attributes:
        key: SHA-256 of the public key in its certificate, as the manifest pins it. Without it, whoever has a
            certificate of this name counts: for tests of one process only.
    """

    name: str
    host: str
    port: int
    key: bytes | None = None


def endpoint(trust: Trust | None, name: str, address: str) -> Endpoint:
    """Return a party of the computation from its name and `host:port`, with the key that the run pins for it."""
    host, port = address.rsplit(":", 1)
    pinned = None if trust is None else trust.keys[name].certificate
    return Endpoint(name, host.strip("[]"), int(port), pinned)


@final
@dataclass(frozen=True, slots=True)
class Identity:
    """Files, in PEM: whom a party trusts, and what it shows."""

    authority: Path
    certificate: Path
    private_key: Path


class MeshConfig(Protocol):
    """What joining a mesh needs of a party's configuration; a `PartyConfig`, for one."""

    @property
    def rank(self) -> int:
        """Return which of the parties this is."""

    @property
    def parties(self) -> tuple[Endpoint, ...]:
        """Return all parties, in order."""

    @property
    def run(self) -> bytes:
        """Return the hash of the manifest."""

    @property
    def join_timeout_s(self) -> float:
        """Return how long parties wait for each other, seconds."""


@final
@dataclass(frozen=True, slots=True)
class PartyConfig:
    """One aggregator's part.

    Args:
        rank: which of `parties` this is; the last one receives the dealer's corrections.
        parties: all aggregators, in the order that the manifest gives them.
        dealer: the third operator.
        identity: this party's certificate.
        run: 32 bytes that all parties of a run share and no other run does: the hash of the manifest.
        timeout_s: how long one exchange may take, seconds.
        join_timeout_s: how long parties wait for each other when they join, seconds.
    """

    rank: int
    parties: tuple[Endpoint, ...]
    dealer: Endpoint
    identity: Identity
    run: bytes = bytes(RUN_BYTES)
    timeout_s: float = 30.0
    join_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _check_operators(self.parties, self.dealer)
        _check_times(self.run, self.timeout_s, self.join_timeout_s)
        if not 0 <= self.rank < len(self.parties):
            raise ConfigError(f"got rank {self.rank}; there are {len(self.parties)} parties, counted from 0")


@final
@dataclass(frozen=True, slots=True)
class DealerConfig:
    """The dealer's part.

    Args:
        me: where the dealer listens.
        parties: all aggregators, in the order that the manifest gives them.
        identity: the dealer's certificate.
        run: as in `PartyConfig`.
        timeout_s: how long a party may take to read an answer, seconds.
        testbed: allow the dealer on the host of an aggregator; then one machine sees everything.
    """

    me: Endpoint
    parties: tuple[Endpoint, ...]
    identity: Identity
    run: bytes = bytes(RUN_BYTES)
    timeout_s: float = 30.0
    testbed: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot work, and what would put the dealer and an aggregator into the same hands."""
        _check_operators(self.parties, self.me)
        _check_times(self.run, self.timeout_s)
        shared = [party.name for party in self.parties if addresses(party.host) & addresses(self.me.host)]
        if shared and not self.testbed:
            raise ConfigError(
                f"the dealer would run on the host of {', '.join(shared)}; move it to another operator's host, or set "
                "testbed = true where nothing is secret"
            )


def addresses(host: str) -> frozenset[str]:
    """Return what a host name stands for; all loopback addresses are one, and an unknown name stands for itself."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return frozenset({host.lower()})
    return frozenset("loopback" if ipaddress.ip_address(ip.split("%")[0]).is_loopback else ip for ip in found)


def _check_operators(parties: tuple[Endpoint, ...], dealer: Endpoint) -> None:
    if not 2 <= len(parties) <= _MAX_PARTIES:
        raise ConfigError(f"got {len(parties)} aggregators; 2 to {_MAX_PARTIES} are allowed")
    names = [party.name for party in parties]
    if len({*names, dealer.name}) <= len(names):
        raise ConfigError("two parties have the same operator; aggregators and the dealer must each have their own")


def _check_times(run: bytes, *times_s: float) -> None:
    if len(run) != RUN_BYTES:
        raise ConfigError(f"got a run of {len(run)} bytes; it is the manifest's hash, {RUN_BYTES} bytes")
    if min(times_s) <= 0:
        raise ConfigError("a timeout must be above 0 seconds")
