"""Who meets whom in the synthetic city: age mixing of cells and venues, commuters, and who lives together."""

import csv

import numpy as np
import pytest

from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import BOROUGHS, DATA, NycTables
from lpm_secure.populations.settings import settings_of
from lpm_secure.populations.synthesis import nyc
from lpm_secure.populations.synthesis.mixing import band_of, row_errors, venue_contacts

N = 300_000
CONTACTS_A_DAY = 2.79  # in the community, from the README of the matrices
BITS = 24


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Return a city of which every ZCTA has people of every age."""
    for name in DATA:
        if catalogue.where(name) is None:
            pytest.skip(f"{name} is not on this machine; set LPM_DATA to a directory that holds it")
    return nyc.build(tmp_path_factory.mktemp("city") / "city.lpmpop", agents=N, seed=11)


@pytest.fixture(scope="module")
def matrix(city):
    """Return the file's matrix for the community, and the ages it holds for."""
    folder = catalogue.where("contact_matrices_ny_mistry")
    state = np.loadtxt(folder / "New_York_rescaled_age_distribution_18.csv", delimiter=",")[:, 1]
    return np.loadtxt(folder / "New_York_F_community_setting_18.csv", delimiter=","), state / state.sum()


def heard(city, *, reciprocal):
    """Return what each band hears on average when everybody of one band says 1: the engine's contact matrix."""
    setting = settings_of(city, reciprocal=reciprocal)[-1]
    band = band_of(np.asarray(city.column("age")))
    found = np.zeros((18, 18))
    for b in range(18):
        total = np.bincount(setting.venue[band == b], minlength=setting.size.size).astype(np.int64)
        exposure = setting.share(total, setting.size, setting.mixing, scale=1 << BITS)
        found[:, b] = np.bincount(band, weights=exposure[setting.venue], minlength=18) / np.bincount(band) / 2**BITS
    return found


def test_cells_reproduce_the_contact_matrix_at_the_citys_ages_within_5_percent(city, matrix):
    band = band_of(np.asarray(city.column("age")))
    share = np.bincount(band) / N
    wanted = CONTACTS_A_DAY * matrix[0] * share / matrix[1]
    assert row_errors(heard(city, reciprocal=True), wanted).max() < 0.05


def test_cells_have_the_contacts_a_day_of_the_file_in_every_row_within_5_percent(city, matrix):
    found = heard(city, reciprocal=True).sum(axis=1)
    assert found == pytest.approx(CONTACTS_A_DAY * matrix[0].sum(axis=1), rel=0.05)


def test_contacts_in_cells_are_reciprocal(city):
    found = heard(city, reciprocal=True) * np.bincount(band_of(np.asarray(city.column("age"))))[:, None]
    assert np.abs(found - found.T).max() < 0.01 * found.max()


def test_cells_as_published_have_the_files_own_rows_within_5_percent_and_are_not_reciprocal(city, matrix):
    found = heard(city, reciprocal=False)
    assert row_errors(found, CONTACTS_A_DAY * matrix[0]).max() < 0.05
    found = found * np.bincount(band_of(np.asarray(city.column("age"))))[:, None]
    assert np.abs(found - found.T).max() > 0.05 * found.max()


def test_cells_are_zctas_and_mixing_within_one_follows_its_ages(city):
    setting = settings_of(city)[-1]
    zcta = np.asarray(city.column("zcta"))
    assert np.array_equal(setting.venue // 18, zcta)
    assert np.array_equal(setting.size[zcta.astype(np.int64) * 18], np.bincount(zcta)[zcta])
    assert setting.mixing.min() > 0.7 * CONTACTS_A_DAY * 256
    assert setting.mixing.max() < 1.3 * CONTACTS_A_DAY * 256


def test_mean_size_and_living_alone_follow_the_table_of_each_nta(city):
    home, nta = (np.asarray(city.column(name)) for name in ("household", "nta"))
    table = NycTables.read().households
    sizes = np.bincount(home[home >= 0])
    place = np.zeros(sizes.size, dtype=np.int64)
    place[home[home >= 0]] = nta[home >= 0]
    households = np.bincount(place, minlength=table.size.size)
    large = households >= 300
    size = np.bincount(place, weights=sizes, minlength=households.size)[large] / households[large]
    alone = np.bincount(place, weights=sizes == 1, minlength=households.size)[large] / households[large]
    off = np.abs(size / table.size[large] - 1)
    assert large.sum() > 120
    assert np.median(off) < 0.01
    assert np.quantile(off, 0.95) < 0.05
    assert np.median(np.abs(alone - table.alone[large])) < 0.01


def test_workers_follow_the_flows_between_boroughs(city):
    with (catalogue.where("nyc_commute_acs2015") / "clean_borough_commute.csv").open(newline="") as opened:
        table = {(row["from"], row["to"]): int(row["n"]) for row in csv.DictReader(opened)}
    tables = NycTables.read()
    people = np.bincount(tables.tract.borough, weights=tables.tract.people)
    home, work = (np.asarray(city.column(name)) for name in ("borough", "work_borough"))
    for a, name in enumerate(BOROUGHS):
        scale = (home == a).sum() / people[a]
        for b, other in enumerate((*BOROUGHS, "outside")):
            found = ((home == a) & (work == b)).sum()
            assert found == pytest.approx(table[name, other] * scale, abs=1)


def test_employment_by_age_has_the_shape_of_the_matrix_at_work(city):
    tables = NycTables.read()
    age, work = (np.asarray(city.column(name)) for name in ("age", "work_borough"))
    found = np.bincount(age[work >= 0], minlength=100)[:85] / np.bincount(age, minlength=100)[:85]
    assert found[:16].max() == 0
    rate = tables.rates["work"] + np.where(np.arange(85) > 24, tables.rates["school"], 0)
    busy = rate > 0.3
    assert np.corrcoef(found[busy], rate[busy])[0, 1] > 0.9
    assert found[30:55].mean() > 3 * found[66:80].mean()


def test_enrolment_by_age_follows_the_matrix_at_school(city):
    rate = NycTables.read().rates["school"]
    age, school = (np.asarray(city.column(name)) for name in ("age", "school"))
    found = np.bincount(age[school >= 0], minlength=100)[:25] / np.bincount(age, minlength=100)[:25]
    people = np.bincount(age)[:25]
    assert (np.abs(found - rate[:25]) < 5 * np.sqrt(0.25 / people) + 1e-9).all()


def test_people_of_a_workplace_come_from_near_and_far(city):
    home, work, workplace = (np.asarray(city.column(name)) for name in ("borough", "work_borough", "workplace"))
    manhattan = (work == 2) & (workplace >= 0)
    assert 0.3 < (home[manhattan] == 2).mean() < 0.5
    sizes = np.bincount(workplace[manhattan])
    largest = workplace == np.argmax(sizes)
    assert np.unique(home[largest]).size >= 4


def test_children_meet_their_parents_generation_at_home(city):
    band = band_of(np.asarray(city.column("age")))
    found = venue_contacts(np.asarray(city.column("household")), band, city.venues("household"))
    assert found[0].sum() == pytest.approx(1, abs=0.01)
    assert found[0, 4:9].sum() > 0.4
    assert found[0, 5:8].sum() > 4 * found[0, 9:12].sum()
    assert found[9, 9] + found[9, 8] + found[9, 10] > 0.2


def test_the_share_living_alone_grows_with_age(city):
    home, age = (np.asarray(city.column(name)) for name in ("household", "age"))
    alone = np.bincount(home[home >= 0])[home] == 1
    inside = home >= 0
    assert alone[inside & (age < 18)].sum() == 0
    assert alone[inside & (age >= 75)].mean() > 1.5 * alone[inside & (age > 24) & (age < 50)].mean()
