"""The synthetic New York: what its tables say is kept, agent by agent."""

import csv

import numpy as np
import pytest

from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import BANDS, BOROUGHS, DATA, hash_files
from lpm_secure.populations.synthesis import nyc
from lpm_secure.populations.synthesis.rounding import largest_remainder
from protocols.errors import ParameterError

N = 30_000
ABSENT = [name for name in DATA if catalogue.where(name) is None]
needs_tables = pytest.mark.skipif(
    bool(ABSENT), reason=f"{', '.join(ABSENT)} not on this machine; set LPM_DATA to a directory that holds them"
)


def rows_of(file):
    """Return the rows of a table of New York, read without any code of ours."""
    with (catalogue.where("nyc_population") / file).open(newline="") as opened:
        return list(csv.DictReader(opened))


def columns_of(population, *names):
    return [np.asarray(population.column(name)) for name in names]


def files_of(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_every_borough_has_exactly_its_share_of_the_agents(city):
    tracts = rows_of("clean_svi2018_nyc_tracts.csv")
    people = [sum(int(row["E_TOTPOP"]) for row in tracts if row["borough"] == name) for name in BOROUGHS]
    share = np.array(people) * N / sum(people)
    found = np.bincount(city.column("borough"), minlength=5)
    assert found.sum() == N
    assert np.array_equal(found, largest_remainder(share, N))
    assert (np.abs(found - share) < 1).all()


def test_ages_by_zcta_follow_the_table_within_one_percent_or_two_people(city):
    borough, zcta, age = columns_of(city, "borough", "zcta", "age")
    rows = rows_of("clean_nyc_zcta_age_acs2018_22.csv")
    table = np.array([[int(row[band]) for band in BANDS] for row in rows], dtype=float)
    of = np.array([row["borough"] for row in rows])
    for b, name in enumerate(BOROUGHS):
        table[of == name] *= (borough == b).sum() / table[of == name].sum()
    found = np.zeros_like(table)
    np.add.at(found, (zcta, np.minimum(age // 5, 17)), 1)
    held = (np.abs(found - table) <= np.maximum(0.01 * table, 2)).all(axis=1)
    assert (
        found[held].sum() > 0.85 * N
    )  # in so small a city, ZCTAs of less than 60 people share households with the next
    assert np.abs(found.sum(axis=0) - table.sum(axis=0)).max() < 3
    assert age.max() == 99


def test_mean_size_and_living_alone_follow_the_ntas(city):
    home, nta, borough = columns_of(city, "household", "nta", "borough")
    rows = {row["area"]: row for row in rows_of("clean_nta_households_2020census.csv")}
    size = np.array([float(rows[code]["Average_household_size"] or 0) for code in city.card.places["nta"]])
    alone = np.array(
        [int(row["Householder_living_alone"]) / max(int(row["household_num"]), 1) for row in rows.values()]
    )
    inside = home >= 0
    sizes = np.bincount(home[inside])
    first = np.unique(home[inside], return_index=True)[1]
    for b in range(5):
        own = inside & (borough == b)
        wanted = (1 / size[nta[own]]).sum()  # households
        here = borough[inside][first] == b
        assert here.sum() == pytest.approx(wanted, rel=0.01)
        single = (alone[nta[own]] / size[nta[own]]).sum()
        assert (sizes[here] == 1).sum() == pytest.approx(single, rel=0.03)


def test_no_household_is_of_children_only(city):
    home, age = columns_of(city, "household", "age")
    grown = np.bincount(home[home >= 0], weights=age[home >= 0] >= 18)
    assert grown.size == city.venues("household")
    assert grown.min() >= 1


def test_the_oldest_in_a_home_with_children_could_be_their_parent(city):
    home, age = columns_of(city, "household", "age")
    eldest, youngest = np.zeros(city.venues("household")), np.full(city.venues("household"), 200)
    np.maximum.at(eldest, home[home >= 0], age[home >= 0])
    np.minimum.at(youngest, home[home >= 0], age[home >= 0])
    gap = (eldest - youngest)[youngest < 18]
    assert np.median(gap) > 25
    assert (gap >= 16).mean() > 0.99


def test_everybody_lives_in_a_household_or_in_quarters(city):
    home, quarters, age = columns_of(city, "household", "quarters", "age")
    assert ((home >= 0) != (quarters >= 0)).all()
    assert age[quarters >= 0].min() >= 18
    assert 0.01 < (quarters >= 0).mean() < 0.03


def test_agents_are_ordered_by_place(city):
    borough, zcta, home, tract = columns_of(city, "borough", "zcta", "household", "tract")
    assert (np.diff(borough.astype(int)) >= 0).all()
    assert np.count_nonzero(np.diff(zcta)) == np.unique(zcta).size - 1
    inside = home[home >= 0]
    assert (np.diff(inside) >= 0).all()
    assert (np.diff(inside) <= 1).all()
    moved = (np.diff(tract) != 0) & (np.diff(home) == 0) & (home[1:] >= 0)
    assert not moved.any()


def test_pupils_go_to_school_in_their_borough_with_others_of_their_age(city):
    borough, school, age = columns_of(city, "borough", "school", "age")
    pupil = (school >= 0) & (age < 18)
    for venue in np.unique(school[pupil]):
        here = pupil & (school == venue)
        assert np.unique(borough[here]).size == 1
        assert np.ptp(age[here]) <= 7
    assert pupil[(age >= 6) & (age <= 12)].mean() > 0.95


def test_who_works_outside_the_city_or_nowhere_has_no_workplace(city):
    workplace, borough, age = columns_of(city, "workplace", "work_borough", "age")
    assert (workplace[(borough < 0) | (borough == 5)] == -1).all()
    assert age[borough >= 0].min() >= 16
    colleagues = np.full(city.venues("workplace"), -1)
    colleagues[workplace[workplace >= 0]] = borough[workplace >= 0]
    assert (colleagues[workplace[workplace >= 0]] == borough[workplace >= 0]).all()


@needs_tables
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path):
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    nyc.build(one, agents=3_000, seed=5)
    nyc.build(two, agents=3_000, seed=5)
    nyc.build(other, agents=3_000, seed=6)
    assert files_of(one) == files_of(two)
    assert files_of(one)["household.npy"] != files_of(other)["household.npy"]


@needs_tables
@pytest.mark.parametrize("n", [500, 1_003, 7_919])
def test_a_city_can_have_any_size(tmp_path, n):
    city = nyc.build(tmp_path / "city", agents=n, seed=n)
    home, age = columns_of(city, "household", "age")
    assert (city.n, home.size) == (n, n)
    assert np.bincount(home[home >= 0], weights=age[home >= 0] >= 18).min() >= 1
    assert 2.2 < city.card.counts["mean household size"] < 3.1


@needs_tables
def test_a_city_of_too_few_agents_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="got 499 agents; a city has at least 500"):
        nyc.build(tmp_path / "city", agents=499)
    assert not list(tmp_path.iterdir())


@needs_tables
def test_a_build_that_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_args, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        nyc.build(tmp_path / "city", agents=1_000)
    assert not list(tmp_path.iterdir())


def test_an_existing_path_is_refused(city):
    with pytest.raises(ParameterError, match="is there already"):
        nyc.build(city.path, agents=1_000)


def test_the_card_keeps_its_promises_and_names_its_data(city):
    assert [each.name for each in city.card.marginals if not each.held] == []
    assert city.card.data == hash_files()
    assert (city.card.agents, city.card.seed) == (N, 3)
    assert city.card.counts["people"] == N
    assert any("no claim about the map" in note for note in city.card.notes)
