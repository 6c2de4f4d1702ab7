"""The engine's own agents: a population that is built once, and what happens where its tables are not at hand."""

import logging

import msgspec
import numpy as np
import pytest

from lpm_secure.config.synthetic import SyntheticConfig
from lpm_secure.data import catalogue
from lpm_secure.populations import Population, cache
from lpm_secure.populations.synthesis import look_alike
from lpm_secure.testbed.synthetic import EngineFile, Synthetic
from protocols.errors import ConfigError, DataError

ASKED = SyntheticConfig(agents=600, population="look_alike", beta={"household": 0.1, "workplace": 0.05})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def kept(tmp_path, seed=1, build=look_alike.build):
    return cache.fetch(build, kind="look_alike", agents=600, seed=seed, root=tmp_path)


def test_a_population_is_built_once_and_kept(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="lpm"):
        first = kept(tmp_path)
    assert "building a population of 600" in caplog.text

    def never(*_, **__):
        raise AssertionError

    assert kept(tmp_path, build=never).card == first.card
    assert kept(tmp_path, seed=2).path != first.path
    assert not list(tmp_path.glob("populations/.building*"))


def test_a_damaged_population_in_the_cache_is_built_anew(tmp_path, caplog):
    found = kept(tmp_path)
    file = found.path / "household.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    again = kept(tmp_path)
    assert "built anew" in caplog.text
    assert again.card == found.card
    Population.open(again.path)


def test_another_builder_builds_anew(tmp_path, monkeypatch):
    first = kept(tmp_path)
    monkeypatch.setattr(cache, "__version__", "99")
    assert kept(tmp_path).path != first.path


def test_where_tables_are_not_at_hand_a_look_alike_says_so(monkeypatch, caplog):
    def missing(*_, **__):
        raise DataError("cannot fetch nyc_population")

    monkeypatch.setattr(catalogue, "get", missing)
    found = Synthetic.of(msgspec.structs.replace(ASKED, population="nyc"))
    assert "cannot fetch nyc_population; going on with a GENERATED LOOK-ALIKE" in caplog.text
    assert found.config.population == "look_alike"
    assert "NOT A REAL CITY" in found.population.card.title
    assert Synthetic.again(found.file).file == found.file  # an engine elsewhere takes the same


def test_an_engine_with_another_population_is_refused():
    file = Synthetic.of(ASKED).file
    with pytest.raises(DataError, match="start the run anew"):
        Synthetic.again(EngineFile(file.synthetic, "0" * 64))


@pytest.mark.parametrize("given", [{"population": "look_alike"}, {"beta": {"household": 0.1}}])
def test_a_population_without_betas_or_betas_without_one_are_refused(given):
    with pytest.raises(ConfigError, match="go together"):
        SyntheticConfig(agents=600, **given)


def test_a_beta_of_a_setting_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="names the setting pub"):
        Synthetic.of(msgspec.structs.replace(ASKED, beta={"pub": 0.1}))


def test_a_look_alike_has_no_household_of_children_only_and_repeats_itself(tmp_path):
    made, again = (look_alike.build(tmp_path / name, agents=3_000, seed=4) for name in "ab")
    assert made.card.sha256 == again.card.sha256
    age, household = made.column("age"), made.column("household")
    grown = np.zeros(made.venues("household"), dtype=bool)
    grown[household[age >= 18]] = True
    assert grown.all()
    assert 0.3 < (made.column("workplace") >= 0).mean() < 0.7
    assert (made.column("school")[(age < 5) | (age >= 18)] == -1).all()
