"""A project as it is rehearsed: on this machine, now, with a seed, and with fewer people where that is asked for."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from lpm_secure.project.base_project import BaseProject, ServerEntry
from lpm_secure.project.project_file import ProjectFile, agents_of
from lpm_secure.testbed.deployment import free_addresses
from protocols.atomic_file import write_atomically
from protocols.errors import ConfigError

P = TypeVar("P", bound=BaseProject)
SEED: Final = 1  # where the project has none of its own
VALID: Final = datetime.timedelta(days=2)
RELAXED: Final = ("tangents", "adjoints")


def localise(project: ProjectFile, folder: Path, *, people: int | None = None) -> ProjectFile:
    """Return a project whose parties are processes of this machine, and whose people are made up.

    Args:
        project: of real parties.
        folder: that its files of numbers are relative to.
        people: so many in all clients together, in the project's proportions; the project's sizes unless given.

    Raises:
        ConfigError: it cannot be rehearsed, or fewer people are asked for than there are clients with some.
    """
    if project.gradient is not None and project.gradient.way in RELAXED:
        raise ConfigError(f"[gradient] asks for {project.gradient.way}, which a rehearsal cannot compare; leave it out")
    agents = agents_of(project, folder)
    sizes = dict(zip(agents, _sizes([len(each) for each in agents.values()], people), strict=True))
    clients = tuple(
        msgspec.structs.replace(client, agents=agents[client.name][: sizes[client.name]]) for client in project.members
    )
    seed = SEED if project.testbed_seed is None else project.testbed_seed
    return msgspec.structs.replace(localise_parties(project), testbed_seed=seed, clients=clients, replicates=1)


def localise_parties(project: P) -> P:
    """Return a project that is valid now, and whose servers have addresses of this machine."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    addresses = iter(free_addresses(3 * len(project.servers)))
    return msgspec.structs.replace(
        project,
        not_before=now - VALID / 2,
        not_after=now + VALID,
        aggregators=tuple(_here(server, addresses) for server in project.aggregators),
        dealer=None if project.dealer is None else _here(project.dealer, addresses),
    )


def write(project: BaseProject, path: Path) -> None:
    """Write a project as TOML, which its reader takes."""
    plain = msgspec.to_builtins(project, builtin_types=(datetime.date, datetime.datetime))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, msgspec.toml.encode(_given(plain)))


def _here(server: ServerEntry, addresses: Iterator[str]) -> ServerEntry:
    """Return a server with addresses of this machine in place of those that it has."""
    given = {"address": next(addresses), "listen": None}
    given |= {key: next(addresses) for key in ("mpc", "permutation") if getattr(server, key) is not None}
    return msgspec.structs.replace(server, **given)


def _sizes(sizes: list[int], people: int | None) -> list[int]:
    """Return as many people in all as are asked for, in the same proportions, one at least where there is one."""
    total, some = sum(sizes), sum(size > 0 for size in sizes)
    if people is None or people >= total:
        return sizes
    if people < some:
        raise ConfigError(f"got --people {people}, and {some} clients have people; give at least {some}")
    left, spare = [], people - some
    for size in sizes:
        left.append(1 + (size - 1) * spare // max(total - some, 1) if size else 0)
    for place in sorted(range(len(sizes)), key=lambda place: left[place] - sizes[place])[: people - sum(left)]:
        left[place] += 1
    return left


def _given(value: Any) -> Any:
    """Return plain values without those that are none, which TOML cannot say."""
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items() if each is not None}
    return [_given(each) for each in value] if isinstance(value, list | tuple) else value
