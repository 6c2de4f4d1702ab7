"""Contacts of the city's people."""

import numpy as np
import pytest

from lpm_secure.analysis.sensitivity.city_contacts import city_contacts
from lpm_secure.populations import Population
from lpm_secure.populations.synthesis import nyc
from protocols.errors import ParameterError

EXPOSURE = {"household": 768, "quarters": 768, "school": 512, "workplace": 512, "community": 256}


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    return Population.open(nyc.build(tmp_path_factory.mktemp("populations") / "city", agents=3_000, seed=1).path)


def test_homes_are_whole_and_nobody_meets_itself(population):
    table = city_contacts(population, 1, EXPOSURE)
    assert (table.a != table.b).all()
    met = {frozenset(pair) for pair in zip(table.a.tolist(), table.b.tolist(), strict=True)}
    home = population.column("household").astype(np.int64)
    for household in range(0, int(home.max()), 50):
        members = np.flatnonzero(home == household).tolist()
        assert all(frozenset((a, b)) in met for a in members for b in members if a != b)


def test_nobody_hears_more_than_the_exposures_of_its_settings(population):
    table = city_contacts(population, 1, EXPOSURE)
    heard = np.bincount(np.concatenate([table.a, table.b]), np.tile(table.weight, 2), minlength=population.n)
    assert 256 < heard.mean() < heard.max() <= sum(EXPOSURE.values()) - EXPOSURE["quarters"] + 50


def test_the_same_seed_gives_the_same_contacts_and_another_seed_others(population):
    first, again, other = (city_contacts(population, seed, EXPOSURE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.b, again.b)
    assert first.b.size != other.b.size or (first.b != other.b).any()


@pytest.mark.parametrize("name", ["school", "playground"])
def test_exposures_of_other_settings_are_refused(population, name):
    given = {each: value for each, value in EXPOSURE.items() if each != name}
    given |= {} if name in EXPOSURE else {name: 1.0}
    with pytest.raises(ParameterError, match=r"give each of household, .*school"):
        city_contacts(population, 1, given)
