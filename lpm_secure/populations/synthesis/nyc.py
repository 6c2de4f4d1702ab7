"""The synthetic city: New York, of any number of agents, from public tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from lpm_secure.data.nyc_tables import BOROUGHS, CONTACTS, OUTSIDE, NycTables, hash_files
from lpm_secure.populations import population
from lpm_secure.populations.card import Card
from lpm_secure.populations.population import Population
from lpm_secure.populations.synthesis.comparison import CityComparison, comparison, counts_of, series_of
from lpm_secure.populations.synthesis.households import settle
from lpm_secure.populations.synthesis.mixing import band_of, cells_of, people_by_band
from lpm_secure.populations.synthesis.places import Targets, overlay, targets_of
from lpm_secure.populations.synthesis.schools import enrol
from lpm_secure.populations.synthesis.workplaces import employ
from protocols import __version__

OnPart = Callable[[str], None]
PARTS: Final = ("tables", "places", "households", "schools", "workplaces", "cells", "comparison", "columns")
PLACES: Final = ("borough", "zcta", "nta", "tract")
SETTINGS: Final = ("household", "quarters", "school", "workplace")
MEANINGS: Final = {
    "age": "years; 99 is 99 and over",
    "borough": "of home, an index into places",
    "zcta": "of home, an index into places; its community cell",
    "nta": "of home, an index into places",
    "tract": "of home, an index into places",
    "household": "number of the household; -1 in group quarters",
    "quarters": "number of the group quarters; -1 for who lives in a household",
    "school": "number of the school, of pupils and of who works there; -1 for nobody's",
    "workplace": "number of the workplace; -1 for who does not work, works outside the city or at a school",
    "work_borough": f"of work; {OUTSIDE} is outside the city; -1 for who does not work",
}
NOTES: Final = (
    "Boroughs have the shares of the table of tracts (2018). ZCTAs reach over the city's border and NTAs are of 2020; "
    "both give shares within their borough, not numbers.",
    "The data do not tell which tract lies in which ZCTA or NTA. Within a borough each partition is ordered by its "
    "share of children and laid on one line: totals by tract, ZCTA and NTA hold, and ages of the three agree as well "
    "as they can, but which tract lies in which ZCTA is no claim about the map.",
    "Single years of age within a band are those of the state; from 85 each year has 0.85 of the year before "
    "(assumption).",
    "Mean household size and households of one person follow the NTA's table, the ages of the latter the matrix of "
    "contacts at home. Households with children are 1.2 times those with the householder's own, other sizes follow a "
    "geometric law, ages within households simple laws of partners, parents and grandparents (assumptions). Group "
    "quarters hold adults only, all ages alike; those of a tract are one venue.",
    "Enrolment and employment by age are the rows of the contact matrices at school and at work. Sizes of schools are "
    "log-normal (assumption), of workplaces Zipf's law (Axtell, Science 293, 1818, 2001). Pupils stay in their "
    "borough.",
    "Workers follow the commuting table of 2015, scaled to the borough's people. Who lives in group quarters does not "
    "work.",
    "Community cells are ZCTAs. Contacts by age are the matrix for New York State projected onto the city's ages, "
    "which keeps them reciprocal; the file's own rows hold for the state's ages only (the card tells the distance).",
)


def build(path: Path, *, agents: int, seed: int = 1, on_part: OnPart | None = None) -> Population:
    """Build the city and write it.

    The same number and seed give the same bytes; nothing depends on the number of threads.

    Args:
        path: of the folder to write; nothing may be there.
        agents: how many, at least 500; tables are scaled to it.
        seed: of all draws.
        on_part: told the name of each of `PARTS` as it begins.

    Raises:
        ParameterError: too few agents, a seed that is no 64-bit number, or something at the path.
        DataError: a table is missing or not the original.

    Security:
        Made from public tables; no agent is a person.
    """
    begin = on_part or _nobody
    population.free(path)
    begin("tables")
    tables = NycTables.read()
    city = _city(tables, targets_of(tables, agents), seed, begin)
    begin("comparison")
    card = Card(
        title=f"New York City, {agents:,} synthetic agents",
        agents=agents,
        seed=seed,
        versions={"lpm-secure": __version__, "numpy": np.__version__, "numba": numba.__version__},
        data=hash_files(),
        notes=list(NOTES),
        columns={},
        places={"borough": list(BOROUGHS)} | {name: list(getattr(tables, name).code) for name in PLACES[1:]},
        settings=city.settings,
        counts=counts_of(city),
        marginals=comparison(city),
        series=series_of(city),
        rate=city.cells.rate.tolist(),
        contacts=(CONTACTS["community"] * tables.contact["community"]).tolist(),
    )
    begin("columns")
    return population.write(path, card, city.columns, MEANINGS)


def _city(tables: NycTables, targets: Targets, seed: int, begin: OnPart) -> CityComparison:
    """Make everybody."""
    begin("places")
    atoms = overlay(tables, targets)
    begin("households")
    people = settle(tables, atoms, seed=seed)
    places = {name: population.smallest(getattr(atoms, name))[people.atom] for name in PLACES}
    begin("schools")
    schools = enrol(tables, people, places["borough"], seed=seed)
    begin("workplaces")
    work = employ(tables, people, places["borough"], schools, seed=seed)
    begin("cells")
    band = band_of(people.age)
    by_band = people_by_band(places["zcta"], band, len(tables.zcta.code))
    columns: dict[str, npt.NDArray[Any]] = {
        "age": people.age,
        **places,
        "household": people.household,
        "quarters": people.quarters,
        "school": work.school,
        "workplace": work.workplace,
        "work_borough": work.borough,
    }
    settings = {name: int(columns[name].max(initial=-1)) + 1 for name in SETTINGS}
    return CityComparison(tables, targets, columns, settings, band, by_band, cells_of(tables, by_band), atoms.apart)


def _nobody(_part: str) -> None:
    """Tell nobody."""
