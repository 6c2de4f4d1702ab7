"""A week in many worlds at once: each person is two agents in every world, and all of them are one device's.

The first goes on as before. The second, its twin, has draws of its own, keeps each contact with probability 1/2, and
listens only: it tells its contacts nothing, so that the others' week is the one in which everybody goes on as before.
Everybody computes both behaviours, so which contacts a twin keeps is no secret; the senders know it, and leave out the
others. No one's choice between the behaviours is ever an input.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from lpm_secure.analysis.risk.config import RiskConfig
from lpm_secure.analysis.risk.personal import BEHAVIOURS
from lpm_secure.data.contact_data import ContactData, among
from lpm_secure.testbed.testbed import Testbed, build
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError
from protocols.releases.query import Releases

COIN: Final = 0x636F696E  # "coin": apart from all other draws of the seed


def select_departments(data: ContactData, departments: Sequence[str]) -> ContactData:
    """Return the people of some departments, with the contacts among them; everybody where none is named.

    Raises:
        ConfigError: a department that the data do not have.
    """
    unknown = sorted(set(departments) - set(data.group))
    if unknown:
        raise ConfigError(f"people.departments: {unknown[0]}; the data have {', '.join(sorted(set(data.group)))}")
    return among(data, np.isin(data.group, departments)) if departments else data


def number(person: I64, world: I64, behaviour: int, *, worlds: int) -> I64:
    """Return the numbers of agents."""
    return (person * worlds + world) * BEHAVIOURS + behaviour


def device_of(person: int) -> str:
    """Return the name of a person's device."""
    return f"person-{person}"


def week(config: RiskConfig, data: ContactData, addresses: Sequence[str]) -> Testbed:
    """Make the testbed of the simulation: no release, one client for each person, two agents for each of its worlds."""
    testbed = build(config.week(), _expanded(config, data), addresses)
    manifest = msgspec.structs.replace(testbed.manifest, releases=Releases(each=()))
    agents = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.int64)
    return dataclasses.replace(testbed, manifest=manifest, listeners=np.flatnonzero(agents % BEHAVIOURS))


def _expanded(config: RiskConfig, data: ContactData) -> ContactData:
    """Return the contacts of all agents: within each world as they are, and from each person to others' twins."""
    worlds = np.arange(config.worlds)
    coin = np.random.default_rng([config.seed, COIN])
    inside = data.day < config.days  # no later day is replayed
    each = (data.day, data.a, data.b, data.weight)
    day, a, b, weight = (np.repeat(row[inside], worlds.size) for row in each)
    world = np.tile(worlds, int(inside.sum()))
    rows = [np.stack([day, _of(a, world, 0, config), _of(b, world, 0, config), weight])]
    for speaker, listener in ((a, b), (b, a)):
        kept = coin.integers(0, 2, day.size, dtype=np.int64) == 1
        pair = (_of(speaker, world, 0, config)[kept], _of(listener, world, 1, config)[kept])
        rows.append(np.stack([day[kept], *pair, weight[kept]]))
    merged = np.concatenate(rows, axis=1)
    copies = worlds.size * BEHAVIOURS
    people = np.repeat(data.people, copies)
    agents = np.arange(worlds.size * BEHAVIOURS)
    return dataclasses.replace(
        data,
        people=people * agents.size + np.tile(agents, data.people.size),
        group=tuple(device_of(person) for person in people.tolist()),
        day=merged[0],
        a=merged[1],
        b=merged[2],
        weight=merged[3],
        channel=None if data.channel is None else np.zeros_like(merged[0]),  # the table [model] has one here
        columns={name: np.repeat(values, copies) for name, values in data.columns.items()},
    )


def _of(person: I64, world: I64, behaviour: int, config: RiskConfig) -> I64:
    return number(person, world, behaviour, worlds=config.worlds)
