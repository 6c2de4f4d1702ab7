"""A contact graph of the city: homes whole, and contacts drawn in schools, workplaces and community cells."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.kernels.csr import I32
from lpm_secure.engine.venues.channels import Setting
from lpm_secure.populations import Population
from lpm_secure.populations.settings import COMMUNITY, settings_of
from lpm_secure.populations.synthesis.mixing import BANDS, band_of
from protocols.arithmetic.distributions import F64
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError

DRAWN_CONTACTS: Final = 4  # each agent draws so many in a school, a workplace and the community
HOMES: Final = ("household", "quarters")


def city_contacts(population: Population, seed: int, exposure: Mapping[str, float]) -> ContactTable:
    """Return contacts of the city's people: homes whole, and contacts drawn elsewhere.

    At home everybody meets everybody. In a school, a workplace and the community (the ZIP code, mixed by age) each
    agent draws `DRAWN_CONTACTS` others, and has about as many again from others' draws; they stay the same.

    Args:
        population: opened.
        seed: of the contacts.
        exposure: for each setting, about the sum of the weights of an agent's contacts there; weights are whole.

    Raises:
        ParameterError: an exposure names no setting, or a setting has none.
    """
    rng = np.random.Generator(np.random.Philox(key=seed))
    band = band_of(population.column("age"))
    settings = settings_of(population)
    names = [setting.name for setting in settings]
    if set(names) != set(exposure):
        raise ParameterError(
            f"exposure names {', '.join(exposure) or 'nothing'}; give each of {', '.join(names)} a number, 0 for none"
        )
    ends, weights = [], []
    for setting in settings:
        if setting.name == COMMUNITY:
            pair = _by_age(setting, band, population.rate, rng)
        elif setting.name in HOMES:
            pair = _all_pairs(setting)
        else:
            pair = _draw_people(setting, rng)
        each = exposure[setting.name] / _met(pair, population.n)[pair].max(axis=0)
        ends.append(pair)
        weights.append(np.rint(each).astype(np.int64))
    a, b = np.concatenate(ends, axis=1)
    return ContactTable(np.zeros_like(a), a, b, np.zeros_like(a), np.concatenate(weights))


def _met(pair: I64, n: int) -> I64:
    """Return how many contacts each agent has, at least 1."""
    return np.maximum(np.bincount(pair.ravel(), minlength=n), 1)


def _all_pairs(setting: Setting) -> I64:
    """Return all pairs within each venue, int64[2, pairs]."""
    order, first, size = _members(setting)
    found = []
    for apart in range(1, int(size.max(initial=1))):
        at = np.arange(order.size)
        venue = np.searchsorted(first, at, side="right") - 1
        kept = at[at + apart < first[venue] + size[venue]]
        found.append(np.stack([order[kept], order[kept + apart]]))
    return np.concatenate(found, axis=1) if found else np.zeros((2, 0), dtype=np.int64)


def _draw_people(setting: Setting, rng: np.random.Generator) -> I64:
    """Return contacts that each member draws within its venue, int64[2, pairs]."""
    order, first, size = _members(setting)
    venue = np.searchsorted(first, np.arange(order.size), side="right") - 1
    who = np.repeat(np.arange(order.size), DRAWN_CONTACTS)
    other = first[venue[who]] + np.floor(rng.random(who.size) * size[venue[who]]).astype(np.int64)
    return _pairs(order[who], order[other])


def _by_age(setting: Setting, band: I32, rate: F64, rng: np.random.Generator) -> I64:
    """Return contacts that each agent draws in its community cell, by the mixing of age bands."""
    order, first, size = _members(setting)
    place = setting.venue // BANDS
    who = np.repeat(np.arange(setting.venue.size), DRAWN_CONTACTS)
    chance = rate[band[who]] * size.reshape(-1, BANDS)[place[who]]
    summed = np.cumsum(chance, axis=1)
    met = (summed < rng.random(who.size)[:, None] * summed[:, -1:]).sum(axis=1)
    venue = place[who] * BANDS + np.minimum(met, BANDS - 1)
    kept = size[venue] > 0
    other = first[venue] + np.floor(rng.random(who.size) * size[venue]).astype(np.int64)
    return _pairs(who[kept], order[other[kept]])


def _members(setting: Setting) -> tuple[I64, I64, I64]:
    """Return agents in order of venue, where each venue begins among them, and how many it has."""
    member = np.flatnonzero(setting.venue >= 0)
    order = member[np.argsort(setting.venue[member], kind="stable")].astype(np.int64)
    size = np.bincount(setting.venue[member], minlength=setting.size.size).astype(np.int64)
    return order, np.cumsum(size) - size, size


def _pairs(a: I64, b: I64) -> I64:
    """Return pairs of two different agents, each once."""
    pair = np.stack([np.minimum(a, b), np.maximum(a, b)]).astype(np.int64)
    return np.unique(pair[:, pair[0] != pair[1]], axis=1)
