"""Workplaces: who works, in which borough, and with whom.

The numbers from borough to borough follow the commuting table exactly; ages follow the rows of the matrix of contacts
at work, as for schools. Sizes follow Zipf's law with the exponent that Axtell (Science 293, 1818, 2001) found for firms
in the United States, 1.059, cut at 10,000; where in its borough a workplace lies is not in the tables. Grown-ups who
have contacts at school work there: their share is that of the two matrices.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.private.table import F64
from lpm_secure.data.nyc_tables import BOROUGHS, OUTSIDE, NycTables
from lpm_secure.populations.synthesis.households import Residents
from lpm_secure.populations.synthesis.rounding import largest_remainder
from lpm_secure.populations.synthesis.schools import LAST_PUPIL, Schools
from lpm_secure.populations.synthesis.streams import Part, draws
from lpm_secure.populations.synthesis.venues import I32, NONE, fill, pareto_sizes
from protocols.arithmetic.fixed_point import I64

AXTELL: Final = 1.059
LARGEST: Final = 10_000
REACH: Final = 500_000  # agents of 8.4 million between home and work, at most, for those who work in their borough
I8 = npt.NDArray[np.int8]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """Who works where.

    Attributes:
        workplace: int32[n]; -1 for who does not work, works outside or at a school.
        borough: int8[n], of work: 5 is outside the city; -1 for who does not work.
        school: int32[n], pupils and those who work at a school.
        flows: int64[5, 6], what the table asks for.
    """

    workplace: I32
    borough: I8
    school: I32
    flows: I64


def employ(tables: NycTables, people: Residents, home: I64, schools: Schools, *, seed: int) -> Work:
    """Choose workers and put them to work.

    Args:
        tables: of the city.
        people: everybody.
        home: int64[n] or smaller, borough.
        schools: for those who work there.
        seed: of the population.
    """
    rng = draws(seed, Part.WORKPLACES)
    n = people.age.size
    flows = _flows(tables, home)
    borough = np.full(n, NONE, dtype=np.int8)
    at_work, at_school = _weights(tables)
    for b, row in enumerate(flows):
        who = np.flatnonzero((home == b) & (people.quarters < 0))
        borough[who] = _choose(rng, (at_work + at_school)[people.age[who]], row)
    school = schools.school.copy()
    workplace = np.full(n, NONE, dtype=np.int32)
    count = 0
    share = np.divide(at_school, at_work + at_school, out=np.zeros(at_work.size), where=at_school > 0)
    for b in range(len(BOROUGHS)):
        who = np.flatnonzero(borough == b)
        found = _teach(rng, share[people.age[who]], schools, b)
        school[who[found >= 0]] = found[found >= 0]
        who = _by_place(rng, who[found < 0], home, b)
        sizes = pareto_sizes(rng, who.size, exponent=AXTELL, largest=max(20, min(LARGEST, who.size // 20)))
        fill(who, sizes, count, workplace)
        count += sizes.size
    return Work(workplace, borough, school, flows)


def _flows(tables: NycTables, home: I64) -> I64:
    """Scale the table of workers to the people of each borough: int64[5, 6]."""
    people = np.bincount(tables.tract.borough, weights=tables.tract.people)
    there = np.bincount(home, minlength=len(BOROUGHS))
    totals = tables.flows.sum(axis=1) * there / people
    return np.array([largest_remainder(row, round(total)) for row, total in zip(tables.flows, totals, strict=True)])


def _weights(tables: NycTables) -> tuple[F64, F64]:
    """Return for each age how many have contacts at work, and how many grown-ups at school: float64[100] each."""
    age = np.minimum(np.arange(tables.within.size), 84)
    return tables.rates["work"][age], np.where(np.arange(age.size) > LAST_PUPIL, tables.rates["school"][age], 0.0)


def _choose(rng: np.random.Generator, weight: F64, row: I64) -> I8:
    """Choose as many workers as the row has, more often where the weight is larger, and where each works: int8[people].

    Source:
        Efraimidis and Spirakis, Information Processing Letters 97, 181 (2006): the smallest of -log(U) / weight.
    """
    found = np.full(weight.size, NONE, dtype=np.int8)
    with np.errstate(divide="ignore"):
        key = -np.log1p(-rng.random(weight.size)) / weight
    able = int(np.isfinite(key).sum())
    wanted = row if row.sum() <= able else largest_remainder(row, able)
    total = int(wanted.sum())
    if total:
        chosen = np.sort(np.argpartition(key, total - 1)[:total])
        found[chosen] = rng.permutation(np.repeat(np.arange(OUTSIDE + 1, dtype=np.int8), wanted))
    return found


def _teach(rng: np.random.Generator, share: F64, schools: Schools, b: int) -> I32:
    """Give some of those who work in a borough one of its schools, larger ones more often: int32[people], -1 for none.

    Args:
        rng: of the stage.
        share: float64[people], how often people of their age work at a school.
        schools: with their pupils.
        b: the borough.
    """
    found = np.full(share.size, NONE, dtype=np.int32)
    pupils = schools.school[schools.school >= 0]
    places = pupils[schools.borough[pupils] == b]
    taken = np.flatnonzero(rng.random(share.size) < share)
    if places.size:
        found[taken] = places[rng.integers(places.size, size=taken.size)]
    return found


def _by_place(rng: np.random.Generator, who: I64, home: I64, b: int) -> I64:
    """Return workers of a borough by where they work: near home, or anywhere if they come from another borough."""
    here = np.flatnonzero(home == b)
    own = home[who] == b
    reach = REACH * home.size / 8.4e6
    place = np.where(own, who + rng.uniform(-reach, reach, who.size), rng.uniform(here[0], here[-1] + 1, who.size))
    return np.asarray(who[np.argsort(place, kind="stable")])
