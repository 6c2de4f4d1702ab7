"""Values by their names, in whichever table they are."""

import numpy as np
import pytest

from lpm_secure.config.simulation import Config
from lpm_secure.scenario.construction import config_of
from lpm_secure.scenario.settings import change, plain
from protocols.errors import ConfigError, ParameterError

DELAY = {"mean": 3.0, "sd": 1.0}
TABLE = {"beta": {"near": 0.1}, "latent": DELAY, "infectious": DELAY, "initial": 0.1}
TABLES = {"name": "a", "seed": 1, "steps": 3, "model": TABLE, "private": {"dataset": "look_alike"}}


def config(**tables):
    return config_of({**TABLES, **tables})


def test_a_key_of_the_table_model_needs_no_table_and_one_channel_no_name():
    changed = config_of(change(config(), {"beta": 0.2, "latent.mean": 4.0, "model.initial": 0.3, "cells.count": 2}))
    assert isinstance(changed, Config)
    assert (changed.model.beta, changed.model.latent.mean, changed.model.initial) == ({"near": 0.2}, 4.0, 0.3)
    assert changed.cells.count == 2


def test_one_number_for_several_channels_is_refused():
    several = config(model={**TABLE, "beta": {"near": 0.1, "far": 0.1}})
    with pytest.raises(ConfigError, match="beta has a value of each of near, far"):
        change(several, {"beta": 0.2})
    assert config_of(change(several, {"beta.far": 0.2})).model.beta == {"near": 0.1, "far": 0.2}


@pytest.mark.parametrize(("name", "near"), [("intial", "initial"), ("sed", "seed"), ("model.x.y", None)])
def test_an_unknown_name_is_refused_with_the_nearest_one(name, near):
    with pytest.raises(ParameterError, match=f"did you mean {near}" if near else "unknown field `x`"):
        config_of(change(config(), {name: 1}))


def test_of_a_model_by_its_name_parameters_are_meant():
    named = config(model="opinion")
    assert config_of(change(named, {"start": 0.2})).parameters == {"start": 0.2}
    assert config_of(change(named, {"model.start": 0.2})).parameters == {"start": 0.2}
    with pytest.raises(ParameterError, match="there is no parameter stat; did you mean start"):
        change(named, {"parameters.stat": 0.2})


def test_a_change_leaves_what_it_changes():
    before = config()
    change(before, {"beta": 0.2})
    assert before.model.beta == {"near": 0.1}


def test_numbers_of_numpy_are_those_of_python():
    assert plain({"a": np.int64(3), "b": np.array([1.5]), "c": (1, 2)}) == {"a": 3, "b": [1.5], "c": [1, 2]}
