"""The city as the expected dynamic sees it: people by borough and age, who meets whom, who falls seriously ill."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.data.nyc_tables import BOROUGHS, CONTACTS, LETTERS, OUTSIDE, SETTINGS, NycTables

AGES: Final = ("0-19", "20-34", "35-49", "50-64", "65-74", "75+")
BAND_TO_AGE: Final = np.array([0] * 4 + [1] * 3 + [2] * 3 + [3] * 3 + [4] * 2 + [5] * 3)  # of 18 bands of five years
SEVERITY: Final = np.array([0.1, 0.35, 0.8, 2.0, 5.0, 9.0])  # hospitalised of infected, relative to the mean below
SHARE_AT_WORK: Final = 0.35  # of infectious contacts of those who commute that happen where they work: an assumption


@final
@dataclass(frozen=True, slots=True, eq=False)
class City:
    """Boroughs and ages; B boroughs, A ages.

    Attributes:
        boroughs: their names.
        people: float64[B, A].
        mixing: float64[B * A, B * A]; with everyone infectious its rows would be the relative contacts of a group,
            scaled so that the largest eigenvalue of the next-generation matrix is 1.
        severity: float64[A], relative risk of hospital once infected, with mean 1 over the people.
    """

    boroughs: tuple[str, ...]
    people: F64 = field(repr=False)
    mixing: F64 = field(repr=False)
    severity: F64 = field(repr=False)


def new_york(tables: NycTables | None = None) -> City:
    """Return New York City: people by borough and age, contacts by age, and commuting between boroughs.

    Source: the tables of `lpm_secure.data.nyc_tables`. The relative severity by age is an assumption in the
        range of published infection-hospitalisation ratios (Salje et al., Science 369, 208 (2020)).
    """
    tables = tables or NycTables.read()
    people = np.zeros((len(LETTERS), len(AGES)))
    for borough, ages in zip(tables.zcta.borough, tables.ages, strict=True):
        np.add.at(people[borough], BAND_TO_AGE, ages)
    return compose(BOROUGHS, people, _contacts(tables), _presence(tables.flows, people))


def compose(boroughs: tuple[str, ...], people: F64, contacts: F64, presence: F64) -> City:
    """Put a city together.

    Args:
        boroughs: names, B of them.
        people: float64[B, A].
        contacts: float64[A, A], a day, of one of age a with those of age b.
        presence: float64[B, B], share of contacts that people of one borough have in another; rows add up to 1.
    """
    n_boroughs, n_ages = people.shape
    there = presence.T @ people.sum(axis=1)  # people present in each borough
    meet = presence @ (presence * people.sum(axis=1)[:, None] / there[None, :]).T  # of borough b with those of b'
    share = people / people.sum(axis=1, keepdims=True)
    city_share = people.sum(axis=0) / people.sum()
    rate = contacts[None, :, None, :] * meet[:, None, :, None] * (share / city_share)[None, None, :, :]
    mixing = (rate / people[None, None, :, :]).reshape(n_boroughs * n_ages, n_boroughs * n_ages)
    next_generation = mixing * people.reshape(-1)[:, None]
    mixing /= np.abs(np.linalg.eigvals(next_generation)).max()
    severity = SEVERITY[:n_ages] if n_ages <= SEVERITY.size else np.ones(n_ages)
    return City(boroughs, people, mixing, severity / (severity @ city_share))


def small() -> City:
    """Return two boroughs of 200,000 and 100,000 people of two ages: for tests and demonstrations; no real place."""
    people = np.array([[120_000.0, 80_000.0], [70_000.0, 30_000.0]])
    contacts = np.array([[8.0, 4.0], [6.0, 5.0]])
    return compose(("East", "West"), people, contacts, np.array([[0.9, 0.1], [0.2, 0.8]]))


def _contacts(tables: NycTables) -> F64:
    """Return float64[A, A]: contacts a day by age, over all settings, for the ages of the state."""
    by_band = sum((CONTACTS[setting] * tables.contact[setting] for setting in SETTINGS), np.zeros((18, 18)))
    total = np.zeros((len(AGES), len(AGES)))
    for band, row in enumerate(by_band):
        np.add.at(total[BAND_TO_AGE[band]], BAND_TO_AGE, row * tables.state[band])
    total = (total + total.T) / 2  # contacts of a with b are contacts of b with a
    return np.asarray(total / np.bincount(BAND_TO_AGE, weights=tables.state)[:, None])


def _presence(flows: F64, people: F64) -> F64:
    inside = flows[:, :OUTSIDE] / people.sum(axis=1, keepdims=True)  # commuters as shares of all people
    away = SHARE_AT_WORK * (inside - np.diag(np.diag(inside)))
    return np.asarray(away + np.diag(1.0 - away.sum(axis=1)))
