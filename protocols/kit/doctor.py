"""The doctor of a kit: checks it on its own machine, and tells what is wrong, a line each."""

import datetime
import os
from collections.abc import Callable, Mapping, Sequence

from protocols.errors import ConfigError
from protocols.kit import checks
from protocols.kit.kit import Kit
from protocols.kit.peers import NoAnswer, reach
from protocols.task.parties import AggregatorParty


def examine(
    kit: Kit,
    *,
    peers: bool = True,
    now: datetime.datetime | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """Return what is wrong with a kit, a line each; nothing where it can start.

    Args:
        kit: of a party.
        peers: whether the servers that it calls are to be reachable; those that start together wait for each other.
        now: the time; the clock's unless given.
        environment: variables of this process.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    lines = [*checks.files(kit), *checks.clock(kit, now), *checks.certificate(kit, now), *checks.disk(kit)]
    lines += checks.ports(kit)
    for each in checks.signature(kit):
        if isinstance(each, str):
            lines.append(each)
            continue
        addresses = addresses_of(each.aggregators, kit)
        lines += checks.proxies(addresses, environment)
        if peers and kit.accepted and not lines:
            lines += _unreachable(kit, addresses)
    return lines


def require_healthy(kit: Kit, say: Callable[[str], None], *, peers: bool = False) -> str:
    """Refuse a kit with which something is wrong, or return what is not.

    Args:
        kit: of a party.
        say: is given a line for each thing that is wrong but the last; else for what will be.
        peers: whether the servers that it calls are to be reachable; else its own machine alone counts.

    Raises:
        ConfigError: with the last.
    """
    lines = examine(kit, peers=peers)
    for notice in [] if lines else checks.expiry(kit, datetime.datetime.now(datetime.UTC)):
        say(notice)
    for line in lines[:-1]:
        say(line)
    if lines:
        raise ConfigError(lines[-1])
    return f"{kit.folder}: nothing is wrong with clock, files, ports, certificates, peers; start reads the rest"


def addresses_of(aggregators: Sequence[AggregatorParty], kit: Kit) -> dict[str, str]:
    """Return the addresses of the aggregators that a party calls, by their names: the dealer calls none."""
    if kit.file.role == "dealer":
        return {}
    return {party.name: party.address for party in aggregators if party.name != kit.file.name}


def _unreachable(kit: Kit, addresses: Mapping[str, str]) -> list[str]:
    lines = []
    for name, address in addresses.items():
        try:
            wrong = reach(name, address, kit.credentials)
        except NoAnswer as error:
            wrong = f"{name} does not answer at {address} ({error}); has its operator started it?"
        lines += [wrong] if wrong else []
    return lines
