"""The example of an environment: its private run is the clear run, and the office closes and opens again."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from lpm_secure.config.environment import environment_of
from lpm_secure.config.simulation import load
from lpm_secure.data import look_alike
from lpm_secure.environments import ThresholdPolicy
from lpm_secure.run.jobs import DriveFile, simulate_clear
from lpm_secure.testbed.testbed import build
from protocols.errors import ConfigError, ModelError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(monkeypatch):
    monkeypatch.chdir(ROOT)  # where the configuration's model is found
    given = load(ROOT / "examples" / "closures.toml")
    return msgspec.structs.replace(given, private=msgspec.structs.replace(given.private, dataset="look_alike"))


def built(config):
    addresses = [f"localhost:{port}" for port in range(1, config.protocol.addresses + 1)]
    return build(config, look_alike.look_alike(1), addresses)


def test_the_office_closes_while_many_are_ill_and_opens_again(config):
    series = simulate_clear(config, device="cpu")
    closed, ill = np.array(series.public["closure"]), series.of("private", series.names.index("ILL"))
    assert closed[0] == 0
    for step in range(1, config.steps):
        assert closed[step] == (1 if ill[step - 1] >= 30 else 0 if ill[step - 1] <= 10 else closed[step - 1])
    assert (np.diff(closed) == 1).any()
    assert (np.diff(closed) == -1).any()
    assert series.table()["public_closure"].to_pylist() == closed.tolist()
    open_all = msgspec.structs.replace(config, environment={"name": "schedule", "numbers": {"closure": [[0, 0]]}})
    assert simulate_clear(open_all, device="cpu").of("private", 1).max() > ill.max()


def test_a_private_run_in_this_process_is_the_clear_run(config, run_private, run_clear):
    testbed = built(msgspec.structs.replace(config, steps=6))
    private, clear = run_private(testbed), run_clear(testbed)
    for field, values in clear.state.items():
        np.testing.assert_array_equal(private.state[field], values, err_msg=field)
    assert private.series.hash == clear.series.hash
    assert 1 in private.series.public["closure"]


def test_an_engine_in_another_process_has_the_same_environment(config):
    testbed = built(config)
    given = DriveFile(testbed.engine_file, bytes(32), dict(testbed.environment))
    read = msgspec.json.decode(msgspec.json.encode(given), type=DriveFile)
    assert environment_of(read.environment) == testbed.new_environment() == ThresholdPolicy("closure", "ILL", 30, 10)


@pytest.mark.parametrize(
    ("environment", "kind", "words"),
    [
        ({}, ConfigError, "the model hears closure, and nothing says them"),
        ({"name": "threshold"}, ConfigError, "needs number, total, above, below"),
        ({"name": "schedule", "numbers": {"closure": [[0, 2]]}}, ModelError, "closure is 2; it must be one number in"),
        (
            {"name": "schedule", "numbers": {"close": [[0, 1]]}},
            ModelError,
            r"are \['close'\]; the model takes \['closure'",
        ),
    ],
)
def test_a_mistake_in_the_table_is_found_before_a_run(config, environment, kind, words):
    with pytest.raises(kind, match=words):
        built(msgspec.structs.replace(config, environment=environment))
