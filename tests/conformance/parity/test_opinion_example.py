"""The example of a model of one's own: its private run in this process is the clear run, and opinions do change."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from lpm_secure.config.simulation import load
from lpm_secure.data import look_alike
from lpm_secure.run.jobs import simulate_clear
from lpm_secure.testbed.testbed import build

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(monkeypatch):
    monkeypatch.chdir(ROOT)  # where the configuration's model is found
    given = load(ROOT / "examples" / "opinion.toml")
    return msgspec.structs.replace(given, private=msgspec.structs.replace(given.private, dataset="look_alike"))


def test_opinions_in_the_clear_change_both_ways(config):
    series = simulate_clear(config, device="cpu")
    assert series.names == ("NO", "YES", "reluctant")
    yes = series.of("private", 1)
    assert (np.diff(yes) > 0).any()
    assert (np.diff(yes) < 0).any()
    assert series.size("private") == 217
    assert (series.of("private", 2) <= yes).all()


def test_its_parameters_and_columns_are_those_of_the_configuration(config):
    testbed = build(config, look_alike.look_alike(1), ["localhost:1"] * config.protocol.addresses)
    assert testbed.manifest.model.parameters == {"start": round(0.35 * 2**32), "attention": round(0.4 * 2**32)}
    assert {name: (values.min(), values.max()) for name, values in testbed.columns.items()} == {
        "doubt": (5, 60),
        "share": (1, 4),
    }


def test_a_private_run_in_this_process_is_the_clear_run(config, run_private, run_clear):
    short = msgspec.structs.replace(config, steps=5)
    addresses = [f"localhost:{port}" for port in range(1, short.protocol.addresses + 1)]
    testbed = build(short, look_alike.look_alike(1), addresses)
    private, clear = run_private(testbed), run_clear(testbed)
    for field, values in clear.state.items():
        np.testing.assert_array_equal(private.state[field], values, err_msg=field)
    np.testing.assert_array_equal(private.series.counts, clear.series.counts)
    assert len(np.unique(private.series.counts[:, 0, 1])) > 2
