"""The city's contact graph."""

import numpy as np
import pytest

from lpm_secure.gradients.problem.city import GROUPS, UNIT, city
from lpm_secure.populations import Population
from lpm_secure.populations.synthesis import nyc
from protocols.errors import ParameterError

EXPOSURE = {"household": 3.0, "quarters": 3.0, "school": 2.0, "workplace": 2.0, "community": 1.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return nyc.build(tmp_path_factory.mktemp("populations") / "city", agents=3_000, seed=1).path


def test_homes_are_whole_and_nobody_meets_itself(folder):
    people = city(folder, 3_000, 1, EXPOSURE)
    graph = people.days[0]
    who = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
    assert (who != graph.indices).all()
    met = set(zip(who.tolist(), graph.indices.tolist(), strict=True))
    assert all((b, a) in met for a, b in met)
    home = Population.open(folder).column("household").astype(np.int64)
    for household in range(0, int(home.max()), 50):
        members = np.flatnonzero(home == household).tolist()
        assert all((a, b) in met for a in members for b in members if a != b)
    assert set(people.group.tolist()) == set(range(len(GROUPS)))


def test_nobody_hears_more_than_the_exposures_of_its_settings(folder):
    graph = city(folder, 3_000, 1, EXPOSURE).days[0]
    heard = np.add.reduceat(graph.weight, graph.indptr[:-1][np.diff(graph.indptr) > 0]) / UNIT
    assert 1.0 < heard.mean() < heard.max() <= sum(EXPOSURE.values()) - EXPOSURE["quarters"] + 0.2


def test_the_same_seed_gives_the_same_contacts_and_another_seed_others(folder):
    first, again, other = (city(folder, 3_000, seed, EXPOSURE).days[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.indices, again.indices)
    assert first.edges != other.edges or (first.indices != other.indices).any()


def test_an_exposure_that_lacks_a_setting_is_refused(folder):
    with pytest.raises(ParameterError, match="school"):
        city(folder, 3_000, 1, {name: value for name, value in EXPOSURE.items() if name != "school"})
