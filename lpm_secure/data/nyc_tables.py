"""What the public tables say about New York City, as arrays.

Source:
    nyc_population: tracts from the CDC Social Vulnerability Index 2018; ages by ZCTA from the American Community Survey
    2018-22; households by neighbourhood tabulation area (NTA) from the 2020 census. contact_matrices_ny_mistry: Mistry
    et al., Nature Communications 12, 323 (2021). nyc_commute_acs2015: Census commuting flows 2015.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np

from client_sdk.private.table import F64, Table
from lpm_secure.data import catalogue
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError

BOROUGHS: Final = ("Bronx", "Brooklyn", "Manhattan", "Queens", "Staten Island")
LETTERS: Final = ("BX", "BK", "MN", "QN", "SI")
OUTSIDE: Final = len(BOROUGHS)
BANDS: Final = ("-5", *(f"{a}-{a + 4}" for a in range(5, 85, 5)), "85+")  # the columns of the table of ages
DATA: Final = ("nyc_population", "contact_matrices_ny_mistry", "nyc_commute_acs2015")
SETTINGS: Final = ("household", "school", "work", "community")
CONTACTS: Final = {"household": 4.11, "school": 11.41, "work": 8.07, "community": 2.79}  # a day, from Mistry's README
LAST_AGE: Final = 99  # of the single years; the tables end with 85 and over
AGING: Final = 0.85  # those of 86 for those of 85, and so on: an assumption, tables say only how many are 85 and over


@final
@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """One partition of the city.

    Attributes:
        code: its name for each place.
        borough: int64[places].
        people: float64[places].
        young, old: float64[places], share of the people under 18 (or 20) and from 65.
    """

    code: tuple[str, ...]
    borough: I64 = field(repr=False)
    people: F64 = field(repr=False)
    young: F64 = field(repr=False)
    old: F64 = field(repr=False)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Households:
    """Households by NTA.

    Attributes:
        size: float64[nta], mean.
        alone, alone_old: float64[nta], share of households of one person, and of those the share from 65.
        with_children: float64[nta], share of households with children under 18.
    """

    size: F64 = field(repr=False)
    alone: F64 = field(repr=False)
    alone_old: F64 = field(repr=False)
    with_children: F64 = field(repr=False)


@final
@dataclass(frozen=True, slots=True, eq=False)
class NycTables:
    """All tables.

    Attributes:
        tract, zcta, nta: three partitions whose overlay the tables do not tell.
        quarters: float64[tract], people in group quarters.
        ages: float64[zcta, 18], people by band of five years.
        households: by NTA.
        flows: float64[5, 6], workers from borough to borough; the last column works outside.
        within: float64[100], people of the state by single year of age; from 84 a geometric tail.
        rates: setting to float64[85], share of the people of an age who have contacts in it; the last is 84 and over.
        contact: setting to float64[18, 18], its contact matrix as in the file; rows are who reports.
        state: float64[18], people of the state by band, for whom the contact matrices hold.
    """

    tract: Places
    zcta: Places
    nta: Places
    quarters: F64 = field(repr=False)
    ages: F64 = field(repr=False)
    households: Households
    flows: F64 = field(repr=False)
    within: F64 = field(repr=False)
    rates: dict[str, F64] = field(repr=False)
    contact: dict[str, F64] = field(repr=False)
    state: F64 = field(repr=False)

    @classmethod
    def read(cls) -> "NycTables":
        """Read all tables through the data catalogue.

        Raises:
            DataError: a file is missing, or not what the catalogue describes.
        """
        population, matrices, commute = (catalogue.get(name) for name in DATA)
        tract, quarters = _tracts(population / "clean_svi2018_nyc_tracts.csv")
        zcta, ages = _zctas(population / "clean_nyc_zcta_age_acs2018_22.csv")
        nta, households = _ntas(population)
        single = _matrix(matrices / "New_York_rescaled_age_distribution_85.csv", (85, 2))[:, 1]
        return cls(
            tract=tract,
            zcta=zcta,
            nta=nta,
            quarters=quarters,
            ages=ages,
            households=households,
            flows=_flows(commute / "clean_borough_commute.csv"),
            within=np.concatenate([single[:84], single[84] * AGING ** np.arange(LAST_AGE - 83)]),
            rates={s: _matrix(matrices / f"New_York_F_{s}_setting_85.csv", (85, 85)).sum(axis=1) for s in SETTINGS},
            contact={s: _matrix(matrices / f"New_York_F_{s}_setting_18.csv", (18, 18)) for s in SETTINGS},
            state=_matrix(matrices / "New_York_rescaled_age_distribution_18.csv", (18, 2))[:, 1],
        )


def hash_files() -> dict[str, str]:
    """Return the SHA-256 of every file that the tables are read from."""
    used = ("clean_svi2018", "clean_nyc_zcta", "clean_nta", "New_York_F", "New_York_rescaled", "clean_borough")
    files = [(name, file) for name in DATA for file in catalogue.dataset(name).files]
    return {f"{name}/{file.name}": file.sha256 for name, file in files if file.name.startswith(used)}


def _tracts(path: Path) -> tuple[Places, F64]:
    columns = ("FIPS", "borough", "E_TOTPOP", "E_AGE17", "E_AGE65", "E_GROUPQ")
    table = Table.read(path, needed=columns)
    people = table.numbers("E_TOTPOP")
    young, old = (_share(table.numbers(column), people) for column in ("E_AGE17", "E_AGE65"))
    places = Places(tuple(table.columns["FIPS"]), table.codes("borough", BOROUGHS), people, young, old)
    return places, np.minimum(table.numbers("E_GROUPQ"), people)


def _zctas(path: Path) -> tuple[Places, F64]:
    table = Table.read(path, needed=("zipcode", "borough", *BANDS))
    ages = np.column_stack([table.numbers(band) for band in BANDS])
    people = ages.sum(axis=1)
    young, old = _share(ages[:, :3].sum(axis=1) + 0.6 * ages[:, 3], people), _share(ages[:, 13:].sum(axis=1), people)
    return Places(tuple(table.columns["zipcode"]), table.codes("borough", BOROUGHS), people, young, old), ages


def _ntas(folder: Path) -> tuple[Places, Households]:
    alone, old, children = "Householder_living_alone", "65_years_and_over", "With_own_children_under_18_years"
    counts = ("people_num", "household_num", alone, old, children)
    table = Table.read(folder / "clean_nta_households_2020census.csv", needed=("area", *counts))
    people, households, alone_, old_, children_ = (table.numbers(column) for column in counts)
    code = tuple(table.columns["area"])
    ages = Table.read(folder / "clean_nta_age_sex.csv", needed=("area", "age", "count"))
    total, young, aged = np.zeros((3, len(code)))
    count, place = ages.numbers("count"), ages.codes("area", code)
    for part, name in ((young, "U19"), (aged, "65A")):
        chosen = np.array(ages.columns["age"]) == name
        np.add.at(part, place[chosen], count[chosen])
    np.add.at(total, place, count)
    borough = np.array([LETTERS.index(area[:2]) for area in code], dtype=np.int64)
    found = Households(
        _share(people, households), _share(alone_, households), _share(old_, alone_), _share(children_, households)
    )
    return Places(code, borough, people, _share(young, total), _share(aged, total)), found


def _flows(path: Path) -> F64:
    table = Table.read(path, needed=("from", "to", "n"))
    flows = np.zeros((len(BOROUGHS), len(BOROUGHS) + 1))
    ends = table.codes("from", BOROUGHS), table.codes("to", (*BOROUGHS, "outside"))
    np.add.at(flows, ends, table.numbers("n"))
    return flows


def _matrix(path: Path, shape: tuple[int, int]) -> F64:
    found: F64 = np.loadtxt(path, delimiter=",", dtype=np.float64)
    if found.shape != shape:
        raise DataError(f"{path} has {found.shape} numbers; {shape} are needed; replace it by the original")
    return found


def _share(part: F64, whole: F64) -> F64:
    return np.divide(part, whole, out=np.zeros(whole.shape), where=whole > 0)
