"""A generated population that looks like a city, where no tables are at hand. No real place; sizes are plausible.

Households follow the sizes of the United States in the 2020 census, rounded; schools, workplaces and cells are of
plausible sizes, near home. Ages of a household are plausible, and mixing in cells falls with the distance of ages.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lpm_secure.populations import population
from lpm_secure.populations.cache import OnPart
from lpm_secure.populations.card import Card
from lpm_secure.populations.population import Population
from lpm_secure.populations.synthesis.mixing import BANDS
from lpm_secure.populations.synthesis.streams import Part, draws
from lpm_secure.populations.synthesis.venues import NONE, fill, lognormal_sizes, near, pareto_sizes
from lpm_secure.populations.synthesis.workplaces import AXTELL
from protocols import __version__

TITLE: Final = "GENERATED LOOK-ALIKE, NOT A REAL CITY"
SIZES: Final = (0.28, 0.35, 0.15, 0.13, 0.06, 0.03)  # share of households of 1 to 6 people
CELL: Final = 40_000  # people, about, as in a ZIP code
CONTACTS: Final = 2.79  # a day in the community, as in `nyc_tables`
MEANINGS: Final = {
    "age": "years",
    "zcta": "number of the community cell",
    "household": "number of the household",
    "school": "number of the school; -1 for nobody's",
    "workplace": "number of the workplace; -1 for who does not work",
}


def build(path: Path, *, agents: int, seed: int = 1, on_part: OnPart | None = None) -> Population:
    """Generate a population and write it; the same number and seed give the same bytes.

    Args:
        path: of the folder to write; nothing may be there.
        agents: how many.
        seed: of all draws.
        on_part: told the name of the part that begins.

    Raises:
        ParameterError: a seed that is no 64-bit number, or something at the path.
    """
    population.free(path)
    if on_part:
        on_part("households")
    rng = draws(seed, Part.HOUSEHOLDS)
    sizes = rng.choice(len(SIZES), p=SIZES, size=agents) + 1
    household = np.repeat(np.arange(agents, dtype=np.int32), sizes)[:agents]
    age = _ages(rng, household)
    cells = max(1, round(agents / CELL))
    cell = (np.arange(agents, dtype=np.int64) * cells // agents).astype(np.int32)
    school, workplace = (np.full(agents, NONE, dtype=np.int32) for _ in range(2))
    reach = min(50_000.0, agents / 10)
    pupils = near(rng, np.flatnonzero((age >= 5) & (age < 18)), reach=reach / 5)
    fill(pupils, lognormal_sizes(rng, pupils.size, mean=500, sigma=0.5), 0, school)
    workers = near(rng, np.flatnonzero((age >= 18) & (age < 65) & (rng.random(agents) < 0.75)), reach=reach)
    largest = max(20, min(10_000, agents // 20))
    fill(workers, pareto_sizes(rng, workers.size, exponent=AXTELL, largest=largest), 0, workplace)
    columns: dict[str, npt.NDArray[Any]] = {
        "age": age,
        "zcta": cell,
        "household": household,
        "school": school,
        "workplace": workplace,
    }
    venues = {name: int(columns[name].max(initial=-1)) + 1 for name in ("household", "school", "workplace")}
    apart = np.abs(np.subtract.outer(np.arange(BANDS), np.arange(BANDS)))
    rate = 0.3 + np.exp(-apart / 2)
    card = Card(
        title=f"{TITLE}: {agents:,} synthetic agents",
        agents=agents,
        seed=seed,
        versions={"lpm-secure": __version__, "numpy": np.__version__},
        data={},
        notes=["Generated from plausible sizes; no real place, and no table was used."],
        columns={},
        places={"zcta": [f"cell {number}" for number in range(cells)]},
        settings=venues,
        counts={"people": agents, **{f"venues: {name}": count for name, count in venues.items()}},
        marginals=[],
        series={},
        rate=(rate * CONTACTS / rate.mean()).tolist(),
        contacts=[],
    )
    return population.write(path, card, columns, MEANINGS)


def _ages(rng: np.random.Generator, household: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """Return ages in years: one or two adults lead a household, and larger ones have children, uint8[n]."""
    n = household.size
    first = np.flatnonzero(np.diff(household, prepend=-1))
    place = np.arange(n) - first[household]
    size = np.bincount(household)[household]
    lead = np.where(size > 2, rng.integers(25, 55, n), rng.integers(20, 90, n))[first][household]
    partner = lead + rng.integers(-5, 6, n)
    child = np.clip(lead - rng.integers(22, 38, n), 0, 30)
    years = np.clip(np.select([place == 0, place == 1], [lead, partner], child), 0, 99)
    return np.asarray(years.astype(np.uint8))
