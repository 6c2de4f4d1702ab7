"""The configuration of a city: of one model, and told apart from a run with private agents."""

import pytest

from lpm_secure.city.config import is_city, load
from protocols.errors import ConfigError

CITY = """
name = "town"
seed = 1
days = 3
model = "opinion"
[population]
agents = 1_000
kind = "look_alike"
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "town.toml"


def test_a_city_is_known_by_its_population(path):
    path.write_text(CITY)
    assert is_city(path)
    path.write_text('name = "x"\n')
    assert not is_city(path)
    path.write_text("name = ")
    assert not is_city(path)  # whoever reads it in earnest says what is wrong
    path.write_text(CITY + "[private]\n")
    with pytest.raises(ConfigError, match=r"has both \[private\] and \[population\]"):
        is_city(path)


def test_a_folders_name_changes_with_every_key(path):
    path.write_text(CITY)
    one = load(path)
    path.write_text(CITY.replace("days = 3", "days = 4"))
    assert one.hash != load(path).hash
    assert one.hash == load_text(path, CITY).hash


def load_text(path, text):
    path.write_text(text)
    return load(path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('model = "opinion"\n', "", r"either \[disease\], or a model by its name"),
        ("[population]", "[interventions]\nstart = 1\n[population]", "start"),
        ("days = 3", "days = 0", "days"),
        ("agents = 1_000", "agents = 1_000\nagentz = 2", "agentz"),
    ],
)
def test_a_mistake_is_one_line(path, old, new, why):
    with pytest.raises(ConfigError, match=why) as refused:
        load_text(path, CITY.replace(old, new))
    assert "\n" not in str(refused.value)
