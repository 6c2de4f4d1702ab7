"""Configurations of runs: every example can be loaded, and a mistake says what is allowed."""

from pathlib import Path
from typing import Annotated, final

import msgspec
import pytest

from lpm_secure.city.config import is_city
from lpm_secure.city.config import load as load_city
from lpm_secure.config import simulation
from lpm_secure.config.simulation import Config
from protocols.errors import ConfigError, ParameterError
from protocols.toml_file import load_config

ALL = sorted((Path(__file__).parents[4] / "examples").glob("*.toml"))
RUNS = [path for path in ALL if "\n[fit]" not in path.read_text()]  # the others are of lpm calibrate
EXAMPLES = [path for path in RUNS if "\n[private]" in path.read_text() or is_city(path)]
GOOD = """
name = "small"
seed = 1
steps = 5
[model]
beta = { near = 0.01 }
latent = { mean = 3.0, sd = 1.0 }
infectious = { mean = 3.0, sd = 1.0 }
initial = 0.1
[private]
dataset = "look_alike"
[protocol]
mode = "sum"
"""


@final
class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table in a table."""

    depth: int = 0


@final
class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A made-up configuration."""

    width: Annotated[int, msgspec.Meta(ge=1)]
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        if self.width == 13:
            raise ParameterError("got width 13; any other is allowed: choose one")


def load(tmp_path, text, kind=Outer):
    path = tmp_path / "a.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path, kind)


def refused(tmp_path, text, kind=Outer):
    """Return the message about a file, which is one line and begins with its path."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, kind)
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "a.toml") in message
    return message


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_can_be_loaded(path):
    if is_city(path):
        assert load_city(path).days > 0
    else:
        given = simulation.load(path)
        relaxed = given.gradient is not None and given.gradient.way != "score"
        assert given.protocol.mode == ("sum" if relaxed else "outcome")  # tangents need exposures


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 5", "stepz = 5", "unknown field `stepz`; did you mean `steps`?"),
        ("initial", "intial", "did you mean `initial`?"),
        ("sd = 1.0 }\ninf", "std = 1.0 }\ninf", "did you mean `sd`?"),
        ('mode = "sum"', 'mode = "all"', "got 'all'"),
        ('mode = "sum"', 'mode = "sum"\naggregators = 1', "got k = 1 aggregators"),
        ('mode = "sum"', 'mode = "sum"\naggregators = 0', "got k = 0 aggregators"),
        ('mode = "sum"', 'mode = "sum"\naggregators = 17', "<= 16"),
        ('mode = "sum"', 'mode = "sum"\nmin_cohort = 0', ">= 1"),
        ("near = 0.01", "near = nan", "beta"),
        ("near = 0.01", "near = -0.01", "beta"),
        ("near = 0.01", "near = inf", "beta"),
        ("near = 0.01", "", "model.beta is empty"),
        ("mean = 3.0", "mean = 0.0", "latent.mean"),
        ("initial = 0.1", "initial = 1.1", "initial"),
        ("initial = 0.1", "initial = nan", "initial"),
        ("[private]", "[synthetic]\nagents = 5\n[private]", "set cells.count to at least 1"),
        ("[private]", "[cells]\ncount = -1\n[private]", "cells.count"),
        ("seed = 1", "seed = -1", "seed"),
        ("steps = 5", "steps = 0", "steps"),
        ('name = "small"', 'name = "a b"', "name"),
    ],
    ids=lambda value: value.replace("\n", " ")[:25],
)
def test_a_mistake_in_a_run_says_what_was_got_and_what_is_allowed(tmp_path, old, new, said):
    assert load(tmp_path, GOOD, Config).steps == 5
    assert old in GOOD
    assert said in refused(tmp_path, GOOD.replace(old, new, 1), Config)


NAMED = (
    GOOD[: GOOD.index("[model]")] + 'model = "seir"\n[parameters]\ninitial = 0.5\n' + GOOD[GOOD.index("[private]") :]
)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            '[cells]\ncount = 2\n[synthetic]\nagents = 5\npopulation = "look_alike"\nbeta = {household = 0.1}\n',
            "synthetic.beta is for the table [model]",
        ),
        ('[private.columns]\ntau = [1, "a"]\n', "private.columns"),
    ],
)
def test_what_a_model_by_name_cannot_have_yet_is_one_line(tmp_path, more, said):
    assert load(tmp_path, NAMED, Config).parameters == {"initial": 0.5}
    assert said in refused(tmp_path, NAMED + more, Config)


POPULATION = '[cells]\ncount = 2\n[synthetic]\nagents = 600\npopulation = "look_alike"\n'


def test_a_model_by_name_has_a_population_whose_settings_its_channels_name(tmp_path):
    lines = "".join(f'[[synthetic.channels.contact]]\nsetting = "{name}"\n' for name in ("household", "school"))
    config = load(tmp_path, NAMED + POPULATION + lines, Config)
    assert [link.setting for link in config.synthetic.channels["contact"]] == ["household", "school"]
    assert "synthetic.channels are of a model by its name" in refused(tmp_path, GOOD + POPULATION + lines, Config)
    both = POPULATION + "beta = {household = 0.1}\n" + lines
    assert "synthetic.channels in place of beta" in refused(tmp_path, NAMED + both, Config)


def test_small_counts_and_noise_are_for_models_by_name_too(tmp_path):
    text = NAMED.replace('mode = "sum"', 'mode = "outcome"\nmin_count = 3') + "[releases]\nepsilon = 1.0\n"
    config = load(tmp_path, text, Config)
    assert (config.protocol.min_count, config.releases.epsilon) == (3, 1.0)


def test_scores_and_their_noise_are_for_models_by_name_too(tmp_path):
    asked = '[gradient]\nway = "score"\nparameters = ["initial"]\n[releases]\nscore_epsilon = 1.0\n'
    config = load(tmp_path, NAMED + asked, Config)
    assert (config.gradient.parameters, config.releases.score_epsilon) == (("initial",), 1.0)


def test_parameters_beside_a_table_are_refused(tmp_path):
    assert "those of [model] stand in it" in refused(tmp_path, GOOD + "[parameters]\ninitial = 0.5\n", Config)


def test_a_key_of_the_table_is_still_named_where_it_is_wrong(tmp_path):
    assert "did you mean `initial`?" in refused(tmp_path, GOOD.replace("initial", "intial"), Config)
