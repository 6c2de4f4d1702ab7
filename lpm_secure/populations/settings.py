"""A population as the engine's venues: one setting for each column of venues, and one for the community cells."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from lpm_secure.engine.kernels.csr import I32
from lpm_secure.engine.venues.channels import MIXING_BITS, Setting
from lpm_secure.populations.population import Population
from lpm_secure.populations.synthesis.mixing import BANDS, band_of
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError, ParameterError

COMMUNITY: Final = "community"
CELL: Final = "zcta"  # the column of places that are community cells


def settings_of(population: Population, *, reciprocal: bool = True) -> list[Setting]:
    """Return the settings, in the order of the card; community cells come last, where the population has mixing.

    In a venue everybody meets all others alike: an exposure is divided by the number of the others. In a cell, venue
    `place * 18 + band`, an exposure is divided by the cell's people and weighted by the mixing of age bands.

    Args:
        population: opened.
        reciprocal: contacts of a with b are contacts of b with a, and rows are those of the contact matrix projected
            onto the city's ages. Else every cell has the rows of the matrix as published, and is not reciprocal.

    Raises:
        ParameterError: the population has mixing but no such places.
    """
    found = [_venue(population, name) for name in population.card.settings]
    if population.rate.size:
        found.append(_cells(population, reciprocal=reciprocal))
    return found


def settings_with_beta(population: Population, beta: Mapping[str, float]) -> list[Setting]:
    """Return the settings that carry infection.

    Raises:
        ConfigError: a beta names a setting that the population does not have.
    """
    return select_settings(population, beta, what="beta")


def select_settings(population: Population, names: Iterable[str], *, what: str, places: bool = False) -> list[Setting]:
    """Return some settings, in the order of the card.

    Args:
        population: opened.
        names: of the settings.
        what: names them, for messages.
        places: whether a column of places is a setting too: all of a place are one venue.

    Raises:
        ConfigError: the population does not have one.
    """
    settings, wanted = settings_of(population), set(names)
    if places:
        settings += [_place(population, name) for name in population.card.places]
    known = [setting.name for setting in settings]
    for name in sorted(wanted):
        if name not in known:
            raise ConfigError(f"{what} names the setting {name}; {population.card.title} has {', '.join(known)}")
    return [setting for setting in settings if setting.name in wanted]


def _place(population: Population, name: str) -> Setting:
    place: I32 = population.column(name).astype(np.int32)
    people = np.bincount(place, minlength=len(population.card.places[name]))
    return Setting(name, place, np.maximum(people.astype(np.int64) - 1, 1))


def _venue(population: Population, name: str) -> Setting:
    venue: I32 = population.column(name).astype(np.int32)
    members = np.bincount(venue[venue >= 0], minlength=population.venues(name))
    return Setting(name, venue, np.maximum(members.astype(np.int64) - 1, 1))


def _cells(population: Population, *, reciprocal: bool) -> Setting:
    if CELL not in population.card.places:
        has = ", ".join(population.card.places)
        raise ParameterError(f"{population.path} has no places {CELL}; there are {has}; build one that has them")
    place = population.column(CELL).astype(np.int32)
    venue: I32 = place * np.int32(BANDS) + band_of(population.column("age"))
    cells = len(population.card.places[CELL])
    alike = np.bincount(venue, minlength=cells * BANDS).reshape(cells, BANDS)
    people = np.repeat(alike.sum(axis=1), BANDS) if reciprocal else alike.ravel()
    weights = population.rate if reciprocal else population.contacts
    mixing: I64 = np.rint(weights * 2**MIXING_BITS).astype(np.int64)
    return Setting(COMMUNITY, venue, np.maximum(people, 1).astype(np.int64), mixing)
