"""The engine's own agents: a population that is built once, and what happens where its tables are not at hand."""

import msgspec
import pytest

from lpm_secure.config.synthetic import SyntheticConfig
from lpm_secure.data import catalogue
from lpm_secure.testbed.synthetic import EngineFile, Synthetic
from protocols.errors import ConfigError, DataError

ASKED = SyntheticConfig(agents=600, population="look_alike", beta={"household": 0.1, "workplace": 0.05})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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


def test_a_beta_of_a_setting_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="names the setting pub"):
        Synthetic.of(msgspec.structs.replace(ASKED, beta={"pub": 0.1}))
