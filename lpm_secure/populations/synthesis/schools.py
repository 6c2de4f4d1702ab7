"""Schools: who is enrolled, by age, and where.

The share of an age that goes to school is the sum of its row in the matrix of contacts at school (Mistry 2021: a row
adds up to the share of an age that has contacts in the setting). Tables of schools are not among the data: four levels,
their mean sizes and the log-normal law of sizes are assumptions, and everybody goes to school in the borough of home.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from lpm_secure.data.nyc_tables import BOROUGHS, NycTables
from lpm_secure.populations.synthesis.households import Residents
from lpm_secure.populations.synthesis.streams import Part, draws
from lpm_secure.populations.synthesis.venues import I32, NONE, fill, lognormal_sizes, near
from protocols.arithmetic.fixed_point import I64

SIGMA: Final = 0.6
LAST_PUPIL: Final = 24  # who has contacts at school later in life works there


@final
@dataclass(frozen=True, slots=True)
class Level:
    """A kind of school.

    Attributes:
        name: for people to read.
        ages: first and last.
        mean: pupils in a school.
        reach: agents of the whole city between home and school, at most, of 8.4 million.
    """

    name: str
    ages: tuple[int, int]
    mean: float
    reach: float


LEVELS: Final = (
    Level("elementary", (3, 10), 450, 20_000),
    Level("middle", (11, 13), 500, 60_000),
    Level("high", (14, 17), 700, 200_000),
    Level("college", (18, LAST_PUPIL), 2_500, 5_000_000),
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Schools:
    """Schools and their pupils.

    Attributes:
        school: int32[n], -1 for who is not enrolled.
        borough: int64[schools].
    """

    school: I32
    borough: I64


def enrol(tables: NycTables, people: Residents, borough: I64, *, seed: int) -> Schools:
    """Choose pupils by age and put them into schools of their borough.

    Args:
        tables: of the city.
        people: everybody.
        borough: int64[n] or smaller, of home.
        seed: of the population.
    """
    rng = draws(seed, Part.SCHOOLS)
    n = people.age.size
    rate = np.minimum(tables.rates["school"], 1.0)[np.minimum(people.age, 84)]
    pupil = (rng.random(n) < rate) & (people.age <= LAST_PUPIL)
    school = np.full(n, NONE, dtype=np.int32)
    where: list[I64] = [np.empty(0, dtype=np.int64)]
    count = 0
    for b in range(len(BOROUGHS)):
        for level in LEVELS:
            aged = (people.age >= level.ages[0]) & (people.age <= level.ages[1])
            who = near(rng, np.flatnonzero(pupil & aged & (borough == b)), reach=level.reach * n / 8.4e6)
            sizes = lognormal_sizes(rng, who.size, mean=level.mean, sigma=SIGMA)
            fill(who, sizes, count, school)
            where.append(np.full(sizes.size, b))
            count += sizes.size
    return Schools(school, np.concatenate(where))
