"""The synthetic city against its tables, and populations on disk: small ones."""

import csv
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import BANDS, BOROUGHS, DATA, used_files
from lpm_secure.engine.venues import Venues
from lpm_secure.populations import Population
from lpm_secure.populations.agents import agents_of
from lpm_secure.populations.population import smallest
from lpm_secure.populations.settings import settings_of
from lpm_secure.populations.show import page_of, page_path
from lpm_secure.populations.synthesis import nyc
from lpm_secure.populations.synthesis.rounding import fit_margins, largest_remainder, whole
from lpm_secure.populations.synthesis.streams import Part, draws
from lpm_secure.populations.synthesis.venues import lognormal_sizes, pareto_sizes
from lpm_secure.report import page as pages
from protocols.errors import DataError, ParameterError

N = 30_000
ABSENT = [name for name in DATA if catalogue.where(name) is None]
needs_tables = pytest.mark.skipif(
    bool(ABSENT), reason=f"{', '.join(ABSENT)} not on this machine; set LPM_DATA to a directory that holds them"
)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Return a small city."""
    if ABSENT:
        pytest.skip(f"{ABSENT[0]} is not on this machine")
    return nyc.build(tmp_path_factory.mktemp("city") / "small.lpmpop", agents=N, seed=3)


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


def test_sizes_of_venues_are_heavy_tailed():
    rng = np.random.default_rng(1)
    work = pareto_sizes(rng, 300_000, exponent=1.059, largest=10_000)
    assert work.sum() == 300_000
    assert (work == 1).mean() > 0.4
    assert work.max() > 100 * work.mean()
    school = lognormal_sizes(rng, 300_000, mean=500, sigma=0.6)
    assert school.sum() == 300_000
    assert school.mean() == pytest.approx(500, rel=0.1)
    assert school.max() > 2.5 * school.mean()


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
    assert city.card.data == used_files()
    assert (city.card.agents, city.card.seed) == (N, 3)
    assert city.card.counts["people"] == N
    assert any("no claim about the map" in note for note in city.card.notes)


def test_columns_are_mapped_read_only_and_small(city):
    age = city.column("age")
    assert age.dtype == np.uint8
    assert not age.flags.writeable
    assert isinstance(age.base, np.memmap)
    assert city.column("zcta").dtype == np.uint8
    assert city.column("household").dtype == np.int16
    with pytest.raises(ParameterError, match="has no column sex; there are age, borough"):
        city.column("sex")


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 255], np.uint8), ([0, 256], np.uint16), ([-1, 127], np.int8), ([-1, 40_000], np.int32), ([], np.uint8)],
)
def test_a_column_has_the_smallest_type_that_holds_it(values, kind):
    assert smallest(np.array(values, dtype=np.int64)).dtype == kind


@pytest.fixture
def copied(city, tmp_path):
    """Return a copy of the city that a test may damage."""
    path = tmp_path / "copy"
    path.mkdir()
    for name, content in files_of(city.path).items():
        (path / name).write_bytes(content)
    return path


def test_a_copy_opens(copied, city):
    assert Population.open(copied).card == city.card


@pytest.mark.parametrize("at", [0, 140, -1])
def test_a_changed_byte_in_a_column_is_found(copied, at):
    content = bytearray((copied / "age.npy").read_bytes())
    content[at] ^= 1
    (copied / "age.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"age\.npy was changed"):
        Population.open(copied)


def test_a_column_that_was_cut_is_found(copied):
    content = (copied / "tract.npy").read_bytes()
    (copied / "tract.npy").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"tract\.npy was changed|cannot read .*tract\.npy"):
        Population.open(copied)


def test_a_column_that_is_missing_is_found(copied):
    (copied / "school.npy").unlink()
    with pytest.raises(DataError, match=r"cannot read .*school\.npy"):
        Population.open(copied)


def test_a_changed_card_is_found(copied):
    card = copied / "card.json"
    card.write_text(card.read_text().replace('"seed": 3', '"seed": 4'))
    with pytest.raises(DataError, match=r"card\.json was changed"):
        Population.open(copied)


def test_what_is_no_population_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no population"):
        Population.open(tmp_path)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(DataError, match="is no card of a population"):
        Population.open(tmp_path)


def test_the_page_of_plots_needs_no_network(city, tmp_path):
    page = page_path(tmp_path / "city.lpmpop")
    pages.write(page, page_of(city.card))
    text = page.read_text(encoding="utf-8")
    assert page.name == "city.lpmpop.html"
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=[^> ]*//", text)
    assert (tmp_path / pages.SCRIPT).is_file()
    assert city.card.sha256 in text


def test_the_engine_takes_the_settings_of_a_population(city):
    settings = settings_of(city)
    assert [setting.name for setting in settings] == ["household", "quarters", "school", "workplace", "community"]
    venues = Venues.of(settings)
    assert venues.n == N
    members = np.bincount(settings[0].venue[settings[0].venue >= 0])
    assert np.array_equal(settings[0].size, np.maximum(members - 1, 1))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40), st.integers(0, 10**7))
def test_shares_by_largest_remainder_add_up_and_are_off_by_less_than_one(weights, total):
    if not sum(weights):
        weights[0] = 1
    found = largest_remainder(np.array(weights), total)
    assert found.sum() == total
    assert (np.abs(found - np.array(weights) * (total / sum(weights))) < 1 + 1e-6).all()


@given(st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**32))
def test_a_fitted_table_rounds_to_whole_numbers_with_both_totals(rows, columns, seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 50, (rows, columns))
    right, below = table.sum(axis=1), table.sum(axis=0)
    found = whole(fit_margins(rng.random((rows, columns)) + 0.1, right, below), right, below)
    assert found.min() >= 0
    assert np.array_equal(found.sum(axis=1), right)
    assert np.array_equal(found.sum(axis=0), below)


def test_stages_draw_apart_and_a_seed_beyond_64_bits_is_refused():
    assert draws(1, Part.PLACES).random() != draws(1, Part.HOUSEHOLDS).random()
    assert draws(1, Part.PLACES).random() == draws(1, Part.PLACES).random()
    with pytest.raises(ParameterError, match="got seed -1"):
        draws(-1, Part.PLACES)


@pytest.mark.parametrize(
    ("text", "n"),
    [("8.4M", 8_400_000), ("100k", 100_000), ("250000", 250_000), ("250_000", 250_000), ("1.5m", 1_500_000)],
)
def test_numbers_of_agents_are_read_as_people_write_them(text, n):
    assert agents_of(text) == n


@pytest.mark.parametrize("text", ["", "many", "-5", "1.2345k", "8,4M0k", "1e6", "0x10", "1..2k"])
def test_other_numbers_of_agents_are_refused(text):
    with pytest.raises(ParameterError, match="agents"):
        agents_of(text)


@needs_tables
def test_the_command_builds_a_city_and_shows_it(tmp_path):
    def lpm(*arguments):
        code = "from lpm_secure.cli.people.population import app; app()"
        wide = os.environ | {"COLUMNS": "160"}
        return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=wide)

    built = lpm("nyc", "--agents", "1k", "--seed", "2", "--out", str(tmp_path / "city.lpmpop"))
    assert built.returncode == 0, built.stderr
    assert "1,000 agents" in built.stdout
    shown = lpm("show", str(tmp_path / "city.lpmpop"))
    assert shown.returncode == 0, shown.stderr
    assert "people by ZCTA and age band" in shown.stdout
    assert (tmp_path / "city.lpmpop.html").is_file()
