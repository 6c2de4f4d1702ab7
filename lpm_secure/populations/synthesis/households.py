"""Households: everybody outside group quarters lives in one, and no household is of children only."""

from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.private.table import F64
from lpm_secure.data.nyc_tables import NycTables
from lpm_secure.populations.synthesis.compose import ADULT, LARGEST, OLD, compose
from lpm_secure.populations.synthesis.places import Atoms
from lpm_secure.populations.synthesis.streams import Part, draws
from protocols.arithmetic.fixed_point import I64

U8 = npt.NDArray[np.uint8]
I32 = npt.NDArray[np.int32]
OTHERS_CHILDREN: Final = 1.2  # households with children for one with the householder's own: an assumption


@final
@dataclass(frozen=True, slots=True, eq=False)
class Residents:
    """Everybody, in order of place, households together.

    Attributes:
        age: uint8[n].
        household: int32[n], -1 in group quarters.
        quarters: int32[n], numbered by tract; -1 in a household.
        atom: int32[n], of `Atoms`.
    """

    age: U8 = field(repr=False)
    household: I32 = field(repr=False)
    quarters: I32 = field(repr=False)
    atom: I32 = field(repr=False)


def single_years(tables: NycTables, ages: I64, rng: np.random.Generator) -> I64:
    """Draw single years of age from bands, as the state's ages lie within each band: int64[blocks, 100]."""
    parts = []
    for band in range(ages.shape[1]):
        within = tables.within[5 * band : 5 * band + 5] if band < 17 else tables.within[85:]
        parts.append(rng.multinomial(ages[:, band], within / within.sum()))
    return np.concatenate(parts, axis=1).astype(np.int64)


def settle(tables: NycTables, atoms: Atoms, *, seed: int) -> Residents:
    """Give everybody an age, and a household or group quarters."""
    by_age = single_years(tables, atoms.ages, draws(seed, Part.PLACES))
    rng = draws(seed, Part.HOUSEHOLDS)
    blocks = len(by_age)
    institutional = np.bincount(atoms.block, weights=atoms.quarters, minlength=blocks).astype(np.int64)
    inmates = _take_adults(by_age, institutional, rng)
    plan = _plan(tables, atoms, by_age)
    lonely = np.maximum(1 - tables.rates["household"], 0)[np.minimum(np.arange(by_age.shape[1]), 84)]
    people = by_age.sum(axis=1)
    end = np.cumsum(people)
    age, household = np.empty(int(end[-1]), dtype=np.uint8), np.empty(int(end[-1]), dtype=np.int32)
    first = np.concatenate([[0], np.cumsum(plan[:, 0])])
    for b in range(blocks):
        here = slice(int(end[b] - people[b]), int(end[b]))
        compose(by_age[b], plan[b], lonely, rng, age[here], household[here], int(first[b]))
    atom = _first_of(household, np.repeat(np.arange(atoms.people.size), atoms.people - atoms.quarters))
    return _together(atoms, age, household, atom, inmates)


def _take_adults(by_age: I64, wanted: I64, rng: np.random.Generator) -> U8:
    """Take so many adults out of each block, all ages alike, and return their ages block by block."""
    found = []
    for block in np.flatnonzero(wanted):
        taken = rng.multivariate_hypergeometric(by_age[block, ADULT:], int(wanted[block]))
        by_age[block, ADULT:] -= taken
        ages = np.repeat(np.arange(ADULT, ADULT + taken.size, dtype=np.uint8), taken)
        found.append(rng.permutation(ages))
    return np.concatenate(found) if found else np.empty(0, dtype=np.uint8)


def _plan(tables: NycTables, atoms: Atoms, by_age: I64) -> I64:
    """Return for each block: households, of one person, of one person from 65, with children: int64[blocks, 4].

    What a block is rounded by, or cannot hold (every household needs an adult), goes to the next of its NTA.
    """
    exact = _expectation(tables, atoms, len(by_age))
    plan = np.zeros(exact.shape, dtype=np.int64)
    owed = np.zeros(exact.shape[1])
    people, adults = by_age.sum(axis=1), by_age[:, ADULT:].sum(axis=1)
    old = by_age[:, OLD:].sum(axis=1)
    nta = atoms.nta[np.flatnonzero(np.diff(atoms.block, prepend=-1))]
    last = np.diff(nta, append=-1) != 0
    for b, due in enumerate(exact):
        owed += due
        m, grown = int(people[b]), int(adults[b])
        households = _clip(round(owed[0]), min(1, m), grown)
        alone = _clip(round(owed[1]), max(0, 2 * households - m), households if m == households else households - 1)
        crowded = -(-(m - alone) // LARGEST)
        households = _clip(households, min(alone + crowded, grown), grown)
        alone = max(alone, 2 * households - m)
        plan[b] = households, alone, _clip(round(owed[2]), 0, min(alone, int(old[b]))), max(round(owed[3]), 0)
        owed = np.clip(owed - plan[b], -1, 1) if last[b] else owed - plan[b]
    return plan


def _expectation(tables: NycTables, atoms: Atoms, blocks: int) -> F64:
    table = tables.households
    size = np.maximum(table.size, 1.0)
    households = (atoms.people - atoms.quarters) / size[atoms.nta]
    alone = households * table.alone[atoms.nta]
    young = households * np.minimum(table.with_children[atoms.nta] * OTHERS_CHILDREN, 1.0)
    columns = (households, alone, alone * table.alone_old[atoms.nta], young)
    return np.column_stack([np.bincount(atoms.block, weights=each, minlength=blocks) for each in columns])


def _clip(value: int, low: int, high: int) -> int:
    return max(min(value, high), low)


def _first_of(household: I32, atom: Any) -> I32:
    """Return for everybody the place of the household's first member."""
    start = np.flatnonzero(np.diff(household, prepend=-1))
    return np.repeat(atom[start], np.diff(start, append=household.size)).astype(np.int32)


def _together(atoms: Atoms, age: U8, household: I32, atom: I32, inmates: U8) -> Residents:
    """Put people in quarters behind the households of their place."""
    there = np.repeat(np.arange(atoms.people.size, dtype=np.int32), atoms.quarters)
    place = np.concatenate([atom, there])
    order = np.argsort(place, kind="stable")
    nobody = np.full(inmates.size, -1, dtype=np.int32)
    _, tract = np.unique(atoms.tract[there], return_inverse=True)
    quarters = np.concatenate([np.full(age.size, -1, dtype=np.int32), tract.astype(np.int32)])[order]
    return Residents(
        np.concatenate([age, inmates])[order],
        np.concatenate([household, nobody])[order],
        quarters,
        place[order],
    )
