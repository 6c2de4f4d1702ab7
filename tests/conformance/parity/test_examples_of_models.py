"""The examples of models of one's own: their private runs in this process are the clear runs, and something happens."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from lpm_secure.config.environment import environment_of
from lpm_secure.config.simulation import CellConfig, load
from lpm_secure.config.synthetic import LinkConfig, SyntheticConfig
from lpm_secure.data import look_alike
from lpm_secure.environments import ThresholdPolicy
from lpm_secure.run.jobs import DriveFile, simulate_clear
from lpm_secure.testbed.testbed import build
from protocols.errors import ConfigError, ModelError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def example(monkeypatch):
    monkeypatch.chdir(ROOT)  # where the configurations' models are found

    def read(name, **changes):
        given = load(ROOT / "examples" / f"{name}.toml")
        private = msgspec.structs.replace(given.private, dataset="look_alike")
        return msgspec.structs.replace(given, private=private, **changes)

    return read


def built(config):
    addresses = [f"localhost:{port}" for port in range(1, config.protocol.addresses + 1)]
    return build(config, look_alike.look_alike(1), addresses)


def test_the_office_closes_while_many_are_ill_and_opens_again(example):
    config = example("closures")
    series = simulate_clear(config, device="cpu")
    closed, ill = np.array(series.public["closure"]), series.of("private", series.names.index("ILL"))
    assert closed[0] == 0
    for step in range(1, config.steps):
        assert closed[step] == (1 if ill[step - 1] >= 30 else 0 if ill[step - 1] <= 10 else closed[step - 1])
    assert (np.diff(closed) == 1).any()
    assert (np.diff(closed) == -1).any()
    assert series.table()["public_closure"].to_pylist() == closed.tolist()
    open_all = example("closures", environment={"name": "schedule", "numbers": {"closure": [[0, 0]]}})
    assert simulate_clear(open_all, device="cpu").of("private", 1).max() > ill.max()


def test_opinions_in_the_clear_change_both_ways(example):
    series = simulate_clear(example("opinion"), device="cpu")
    assert series.names == ("NO", "YES", "reluctant")
    yes = series.of("private", 1)
    assert (np.diff(yes) > 0).any()
    assert (np.diff(yes) < 0).any()
    assert series.size("private") == 217
    assert (series.of("private", 2) <= yes).all()


def test_parameters_and_columns_of_opinions_are_those_of_the_configuration(example):
    testbed = built(example("opinion"))
    assert testbed.manifest.model.parameters == {"start": round(0.35 * 2**32), "attention": round(0.4 * 2**32)}
    assert {name: (values.min(), values.max()) for name, values in testbed.columns.items()} == {
        "doubt": (5, 60),
        "share": (1, 4),
    }


@pytest.mark.parametrize(("name", "public"), [("closures", {0, 1}), ("opinion", set()), ("council", None)])
def test_a_private_run_in_this_process_is_the_clear_run(name, public, example, run_private, run_clear):
    testbed = built(example(name, steps=6))
    private, clear = run_private(testbed), run_clear(testbed)
    for field, values in clear.state.items():
        np.testing.assert_array_equal(private.state[field], values, err_msg=field)
    np.testing.assert_array_equal(private.series.counts, clear.series.counts)
    assert private.series.hash == clear.series.hash
    assert len(np.unique(private.series.counts[:, 0, 1])) > 2
    said = {number for numbers in private.series.public.values() for number in numbers}
    assert said == public if public is not None else len(said) > 2


def test_a_model_by_name_has_a_synthetic_population(example, run_private, run_clear, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    private = msgspec.structs.replace(example("opinion").private, columns={})
    here = (LinkConfig(setting="household"), LinkConfig(setting="workplace", scale=3))
    config = example(
        "opinion",
        model="seir",
        parameters={"initial": 0.05, "contact_rate": 0.3, "cell_rate": 0.4},
        steps=6,
        cells=CellConfig(count=4),
        synthetic=SyntheticConfig(agents=600, population="look_alike", channels={"contact": here}),
    )
    testbed = built(msgspec.structs.replace(config, private=private))
    private_run, clear = run_private(testbed), run_clear(testbed)
    assert private_run.series.hash == clear.series.hash
    synthetic = clear.series.counts[:, 1]
    assert (synthetic.sum(axis=1) == 600).all()
    assert synthetic[-1, 0] < synthetic[0, 0] - 100
    pub = msgspec.structs.replace(config.synthetic, channels={"contact": (LinkConfig(setting="pub"),)})
    with pytest.raises(ConfigError, match=r"synthetic\.channels names the setting pub"):
        built(msgspec.structs.replace(config, synthetic=pub, private=private))


def test_an_engine_in_another_process_has_the_same_environment(example):
    testbed = built(example("closures"))
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
def test_a_mistake_in_the_table_is_found_before_a_run(example, environment, kind, words):
    with pytest.raises(kind, match=words):
        built(example("closures", environment=environment))
