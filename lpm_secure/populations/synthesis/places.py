"""Who lives where: borough, ZCTA, NTA and tract of every person, with totals of the tables.

The tables give three partitions of each borough (tracts, ZCTAs, NTAs) and not how they overlap. No geography is made
up: within a borough each partition is put in order of its share of children and laid on one line, so that a tract, a
ZCTA and an NTA come to lie on the same people where their ages are most alike (of all couplings that keep the totals,
the one-dimensional optimal transport). Totals by tract, by ZCTA and by NTA stay those of the tables; *which* tract lies
in which ZCTA is not a claim about the map.
"""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.private.table import F64
from lpm_secure.data.nyc_tables import BOROUGHS, NycTables, Places
from lpm_secure.populations.synthesis.rounding import fit_margins, largest_remainder, whole
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError

LEAST: Final = 500  # agents; fewer than that are no city
BLOCK: Final = 60  # people at least among whom households are formed, so that small cities have large ones too


@final
@dataclass(frozen=True, slots=True, eq=False)
class Atoms:
    """Pieces of the city, each in one tract, ZCTA and NTA, in order of place.

    Attributes:
        borough, zcta, nta, tract: int64[atoms], indices into the tables.
        people: int64[atoms].
        quarters: int64[atoms], of these in group quarters.
        block: int64[atoms], rising; the neighbours among whom households are formed.
        ages: int64[blocks, 18], people by band.
        apart: bool[zcta], whether no block has people of this ZCTA and of another.
    """

    borough: I64 = field(repr=False)
    zcta: I64 = field(repr=False)
    nta: I64 = field(repr=False)
    tract: I64 = field(repr=False)
    people: I64 = field(repr=False)
    quarters: I64 = field(repr=False)
    block: I64 = field(repr=False)
    ages: I64 = field(repr=False)
    apart: npt.NDArray[np.bool_] = field(repr=False)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The tables, scaled to a number of agents.

    Attributes:
        borough: int64[5]; exact shares of the table of tracts.
        tract, zcta, nta: int64, by place; they add up to their borough.
        ages: int64[zcta, 18], by ZCTA and band.
        exact: float64[zcta, 18], before rounding.
    """

    borough: I64 = field(repr=False)
    tract: I64 = field(repr=False)
    zcta: I64 = field(repr=False)
    nta: I64 = field(repr=False)
    ages: I64 = field(repr=False)
    exact: F64 = field(repr=False)


def targets_of(tables: NycTables, n: int) -> Targets:
    """Scale all marginals to n agents by largest remainders, boroughs first.

    Boroughs follow the table of tracts. ZCTAs reach over the city's border (Queens has 7 % more people in its ZCTAs
    than in its tracts) and NTAs are of another year, so both give shares of their borough, not numbers.

    Raises:
        ParameterError: fewer agents than `LEAST`.
    """
    if n < LEAST:
        raise ParameterError(f"got {n} agents; a city has at least {LEAST}; ask for more")
    boroughs = range(len(BOROUGHS))
    weights = np.bincount(tables.tract.borough, weights=tables.tract.people, minlength=len(BOROUGHS))
    borough = largest_remainder(weights, n)
    tract, zcta, nta = (
        _by_borough(places.people, places.borough, borough) for places in (tables.tract, tables.zcta, tables.nta)
    )
    ages = np.zeros(tables.ages.shape, dtype=np.int64)
    exact = np.zeros(tables.ages.shape)
    for b in boroughs:
        here = np.flatnonzero(tables.zcta.borough == b)
        table = tables.ages[here] * (borough[b] / tables.ages[here].sum())
        exact[here] = table
        ages[here] = whole(table, zcta[here], largest_remainder(table.sum(axis=0), int(borough[b])))
    return Targets(borough, tract, zcta, nta, ages, exact)


def overlay(tables: NycTables, targets: Targets) -> Atoms:
    """Lay the partitions over each other, and give every block its ages and its people in group quarters.

    A block is one piece, or pieces of one ZCTA until they have `BLOCK` people; in small cities also of several ZCTAs.
    """
    orders = [_in_order(places) for places in (tables.zcta, tables.nta, tables.tract)]
    totals = (targets.zcta, targets.nta, targets.tract)
    ends = [np.cumsum(total[order]) for total, order in zip(totals, orders, strict=True)]
    cuts = np.unique(np.concatenate([[0], *ends]))
    people = np.diff(cuts)
    zcta, nta, tract = (
        order[np.searchsorted(end, cuts[:-1], side="right")] for end, order in zip(ends, orders, strict=True)
    )
    borough = tables.zcta.borough[zcta]
    group = _merge(people, zcta, borough)
    block = _merge(people, np.arange(people.size), group)
    ages = np.zeros((int(block[-1]) + 1, tables.ages.shape[1]), dtype=np.int64)
    apart = np.zeros(targets.zcta.size, dtype=np.bool_)
    for g in range(int(group[-1]) + 1):
        here = np.flatnonzero(group == g)
        own = block[here] - block[here[0]]
        own_zctas = np.unique(zcta[here])
        apart[own_zctas] = own_zctas.size == 1
        wanted = targets.ages[own_zctas].sum(axis=0)
        seed, rows = np.zeros((int(own[-1]) + 1, wanted.size)), np.bincount(own, weights=people[here]).astype(np.int64)
        np.add.at(seed, own, _alike(tables, tract[here], wanted) * people[here, None])
        ages[block[here[0]] : block[here[-1]] + 1] = whole(fit_margins(seed, rows, wanted), rows, wanted)
    start = np.flatnonzero(np.diff(block, prepend=-1))
    _give_adults(ages, group[start])
    _give_adults(ages, borough[start])
    quarters = _quarters(tables, ages, tract, people, block)
    return Atoms(borough, zcta, nta, tract, people, quarters, block, ages, apart)


def _merge(people: I64, unit: I64, within: I64) -> I64:
    """Number runs of pieces: a run ends where `unit` does once it has `BLOCK` people, and always where `within` does.

    Args:
        people: int64[pieces].
        unit: int64[pieces], what is not cut.
        within: int64[pieces], what is never crossed.

    Returns:
        int64[pieces], rising from 0.
    """
    found = np.zeros(people.size, dtype=np.int64)
    run, held = 0, int(people[0])
    for piece in range(1, people.size):
        crossed = within[piece] != within[piece - 1]
        left = int(people[piece:][(within[piece:] == within[piece])].sum()) if held >= BLOCK else 0
        if crossed or (held >= BLOCK and unit[piece] != unit[piece - 1] and left >= BLOCK):
            run, held = run + 1, 0
        held += int(people[piece])
        found[piece] = run
    return found


def _by_borough(people: F64, of: I64, borough: I64) -> I64:
    found = np.zeros(people.shape, dtype=np.int64)
    for b, total in enumerate(borough):
        here = np.flatnonzero(of == b)
        found[here] = largest_remainder(people[here], int(total))
    return found


def _in_order(places: Places) -> I64:
    """Return the places by borough, then by share of children; ties as in the table."""
    return np.lexsort((places.young, places.borough)).astype(np.int64)


def _alike(tables: NycTables, tract: I64, ages: I64) -> F64:
    """Return how likely each band is in each tract, from its shares under 18 and from 65: float64[atoms, 18]."""
    mean = np.maximum(ages, 1e-9) / max(ages.sum(), 1)
    young, old = mean[:3].sum() + 0.6 * mean[3], mean[13:].sum()
    middle = max(1 - young - old, 1e-9)
    ratio_young = np.maximum(tables.tract.young[tract], 0.005) / max(young, 1e-9)
    ratio_old = np.maximum(tables.tract.old[tract], 0.005) / max(old, 1e-9)
    ratio = np.maximum(1 - tables.tract.young[tract] - tables.tract.old[tract], 0.005) / middle
    columns = [ratio_young] * 3 + [0.6 * ratio_young + 0.4 * ratio] + [ratio] * 9 + [ratio_old] * 5
    return np.asarray(np.column_stack(columns) * mean[None, :])


def _give_adults(ages: I64, of: I64) -> None:
    """Swap ages between pieces of a place until no piece has children only; every total stays.

    Only pieces of one or two people need it: a child there changes places with a grown-up of the piece that has most.
    """
    adults = ages[:, 4:].sum(axis=1)
    for atom in np.flatnonzero((adults == 0) & (ages.sum(axis=1) > 0)):
        near = np.flatnonzero(of == of[atom])
        donor = near[np.argmax(adults[near])]
        if adults[donor] < 2:
            continue
        child, adult = int(np.argmax(ages[atom, :4])), 4 + int(np.argmax(ages[donor, 4:]))
        for piece, out, into in ((atom, child, adult), (donor, adult, child)):
            ages[piece, out] -= 1
            ages[piece, into] += 1
        adults[donor] -= 1
        adults[atom] += 1


def _quarters(tables: NycTables, ages: I64, tract: I64, people: I64, block: I64) -> I64:
    """Return how many of each piece live in group quarters: adults only, with one adult kept for two children."""
    share = np.divide(
        tables.quarters, tables.tract.people, out=np.zeros(tables.quarters.shape), where=tables.tract.people > 0
    )
    exact = share[tract] * people
    wanted = np.diff(np.rint(np.concatenate([[0.0], np.cumsum(exact)]))).astype(np.int64)
    wanted = np.minimum(wanted, people)
    children, adults = ages[:, :4].sum(axis=1), ages[:, 4:].sum(axis=1)
    spare = np.maximum(adults - np.where(children > 0, np.maximum(1, -(-children // 2)), 0), 0)
    asked = np.bincount(block, weights=wanted).astype(np.int64)
    for b in np.flatnonzero(asked > spare):
        here = np.flatnonzero(block == b)
        wanted[here] = largest_remainder(wanted[here], int(spare[b]))
    return np.asarray(wanted)
