"""Three ways to run one calibration: whichever a configuration names, the fit is the same to the last bit."""

import asyncio

import numpy as np
import pytest
from typer.testing import CliRunner

from lpm_secure import checkpoint
from lpm_secure.calibration.config import FederationConfig, FitConfig
from lpm_secure.calibration.inference.descent import MODULE, OPTIMISER
from lpm_secure.calibration.inference.facts import Facts
from lpm_secure.calibration.job import calibrate
from lpm_secure.calibration.privacy import RESERVE
from lpm_secure.calibration.transports import openings_of
from lpm_secure.cli.main import app
from protocols.errors import ConfigError
from tests.calibration_hospitals import config_of as few

ROUNDS = 4


def config_of(transport, **changes):
    return few(
        institutions=6,
        fitted=6,
        ahead=2,
        fit=FitConfig(rounds=ROUNDS, draws=3, checkpoint_rounds=2),
        federation=FederationConfig(transport=transport, min_cohort=5, **changes),
    )


def fitted(folder):
    arrays, _ = checkpoint.load(folder / "fit.safetensors", Facts)
    return {name: array for name, array in arrays.items() if name.startswith((f"{MODULE}.", f"{OPTIMISER}."))}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in-process")
    return calibrate(config_of("in-process"), folder), fitted(folder)


def require_same(result, folder, oracle):
    one, weights = oracle
    assert result.scores == one.scores
    assert fitted(folder).keys() == weights.keys()
    assert {name.partition(".")[0] for name in weights} == {MODULE, OPTIMISER}
    assert all(np.array_equal(value, weights[name]) for name, value in fitted(folder).items())


@pytest.mark.parametrize("transport", ["in-process", pytest.param("native", marks=pytest.mark.slow)])
def test_with_a_dealer_the_fit_is_the_same_to_the_bit(transport, tmp_path, oracle):
    require_same(calibrate(config_of(transport, security="active"), tmp_path), tmp_path, oracle)


def test_noise_is_made_for_no_sums_over_groups_where_there_are_none():
    assert openings_of(config_of("native", security="active")) == ROUNDS
    assert openings_of(config_of("native")) == ROUNDS + RESERVE


def test_messages_of_flower_have_no_dealer():
    with pytest.raises(ConfigError, match='take "native"'):
        config_of("flower", security="active")


class Interrupted(Exception):
    pass


def test_processes_give_the_same_fit_and_the_same_forecast_also_after_an_interruption(tmp_path, oracle):
    def interrupt(fit):
        if fit.round == 3:
            raise Interrupted

    async def cell():  # as of a notebook, where a loop runs already
        return calibrate(config_of("native"), tmp_path, resume=True)

    with pytest.raises(Interrupted):
        calibrate(config_of("native"), tmp_path, on_round=interrupt)
    require_same(asyncio.run(cell()), tmp_path, oracle)
    runs = sorted((tmp_path / "parties").iterdir())
    assert len(runs) == 2
    for run in runs:  # the audit finds nothing, though the first was interrupted, and the second went on from there
        done = CliRunner().invoke(app, ["audit", str(run), "--no-build-checks"])
        assert done.exit_code == 0, done.output
        assert "at most 8, as its centre may" in (run / "audit.html").read_text()


@pytest.mark.slow
def test_flower_gives_the_same_fit_and_the_same_forecast(tmp_path, oracle):
    require_same(calibrate(config_of("flower"), tmp_path), tmp_path, oracle)


def test_a_configurations_epsilon_is_promised_in_the_manifest_of_processes(tmp_path):
    from lpm_secure.calibration.transports import deploy

    config = config_of("native", epsilon=4.0)
    hospitals = config.study().institutions(local_steps=1)
    manifest = deploy(config, hospitals, tmp_path).manifest
    release = manifest.releases.each[0]
    assert (release.name, release.epsilon, release.unit) == ("sum", 4.0, "contribution")
    assert release.times == ROUNDS + RESERVE
    assert manifest.rounds == ROUNDS
    assert manifest.norm == config.federation.clip
