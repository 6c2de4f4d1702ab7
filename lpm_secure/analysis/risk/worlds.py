"""A week in many worlds at once: each person is two agents, and the worlds are replicates of one run.

The first agent goes on as before. The second, its twin, has the same draws, keeps every second unit of each contact's
weight, and listens only: it tells its contacts nothing, so that the others' week is the one in which everybody goes on
as before. Everybody computes both behaviours, so what a twin keeps is no secret; the senders know it, and weigh their
messages by it. No one's choice between the behaviours is ever an input.

As the twin begins like its person, draws alike and hears no more, in no world it falls ill and the person does not.
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


def device_of(person: int) -> str:
    """Return the name of a person's device."""
    return f"person-{person}"


def week(config: RiskConfig, data: ContactData, addresses: Sequence[str]) -> Testbed:
    """Make the testbed of the simulation: no release, one client for each person, with its two agents."""
    testbed = build(config.week(), _expanded(config, data), addresses)
    manifest = msgspec.structs.replace(testbed.manifest, releases=Releases(each=()), common_draws=BEHAVIOURS)
    agents = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.int64)
    return dataclasses.replace(testbed, manifest=manifest, listeners=np.flatnonzero(agents % BEHAVIOURS))


def halve(data: ContactData, *, seed: int) -> I64:
    """Return the weights of contacts of which each pair keeps every second unit, day after day, int64[m].

    A coin of the pair says whether its first unit is kept, so a contact of weight 1 is with probability 1/2.
    """
    _, pair = np.unique(np.stack([data.a, data.b]), axis=1, return_inverse=True)
    pair = pair.reshape(-1)
    coin = np.random.default_rng([seed, COIN]).integers(0, 2, pair.max(initial=-1) + 1, dtype=np.int64)
    order = np.lexsort((data.day, pair))
    weight, whose = data.weight[order], pair[order]
    total = np.cumsum(weight)
    first = np.searchsorted(whose, np.arange(coin.size))
    total = total - (total - weight)[first][whose] + coin[whose]  # of the pair up to this contact
    kept = np.empty_like(weight)
    kept[order] = total // 2 - (total - weight) // 2
    return kept


def _expanded(config: RiskConfig, data: ContactData) -> ContactData:
    """Return the contacts of all agents: among persons as they are, and from each person to others' twins."""
    inside = data.day < config.days  # no later day is replayed
    data = dataclasses.replace(data, **{name: getattr(data, name)[inside] for name in ("day", "a", "b", "weight")})
    kept = halve(data, seed=config.seed)
    a, b, some = data.a * BEHAVIOURS, data.b * BEHAVIOURS, kept > 0
    rows = [
        np.stack([data.day, a, b, data.weight]),
        np.stack([data.day, a, b + 1, kept])[:, some],
        np.stack([data.day, b, a + 1, kept])[:, some],
    ]
    merged = np.concatenate(rows, axis=1)
    people = np.repeat(data.people, BEHAVIOURS)
    return dataclasses.replace(
        data,
        people=people * BEHAVIOURS + np.tile(np.arange(BEHAVIOURS), data.people.size),
        group=tuple(device_of(person) for person in people.tolist()),
        day=merged[0],
        a=merged[1],
        b=merged[2],
        weight=merged[3],
        channel=None if data.channel is None else np.zeros_like(merged[0]),  # the table [model] has one here
        columns={name: np.repeat(values, BEHAVIOURS) for name, values in data.columns.items()},
    )
