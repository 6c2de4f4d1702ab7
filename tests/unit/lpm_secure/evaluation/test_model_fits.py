"""Fits at origins: those that follow, and those that are kept."""

import dataclasses
import json

import msgspec
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from lpm_secure.calibration.inference.fit_config import AssimilationConfig, FitConfig
from lpm_secure.calibration.job import begin_fit
from lpm_secure.calibration.transports import in_process
from lpm_secure.evaluation.config import EvaluationConfig, OriginsConfig
from lpm_secure.evaluation.model_fits import ModelFits, follow
from lpm_secure.evaluation.origins import origins_of, read_series, study_of
from tests.calibration_hospitals import config_of

CALIBRATION = config_of(institutions=6, fitted=5, ahead=2, fit=FitConfig(rounds=6, draws=2))
EVALUATION = EvaluationConfig(
    name="small",
    calibration="small.toml",
    origins=OriginsConfig(tuning=(4, 6), anew_every=2),
    horizons=(2,),
    assimilation=AssimilationConfig(rounds=3),
)


def run(folder, config=EVALUATION, calibration=CALIBRATION, change=lambda data: data):
    rounds = []
    data = change(read_series(config, calibration))
    told = lambda origin, round_: rounds.append((origin, round_))  # noqa: E731
    fits = ModelFits(calibration, config.assimilation, config.ahead, data, folder, told)
    return *fits.run((each.periods, each.anew) for each in origins_of(config, data)), rounds


def test_a_fit_that_follows_begins_at_the_posterior_before_it():
    data = read_series(EVALUATION, CALIBRATION)
    short, long = (study_of(CALIBRATION, data, periods, 2) for periods in (4, 6))
    z = 0.7 + 0.1 * torch.randn(500, short.course.p, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    fit = begin_fit(CALIBRATION, long, in_process(CALIBRATION, long.institutions(local_steps=1)))
    follow(fit, short.course, z, seed=1)
    found = short.course.log_mean(long.course.restrict(fit.draws(500, seed=2), short.course)).median(dim=0).values
    assert torch.allclose(found, short.course.log_mean(z).median(dim=0).values, atol=0.1)


def test_every_second_origin_is_fitted_anew_and_the_others_take_fewer_rounds(tmp_path):
    forecasts, facts, rounds = run(tmp_path)
    assert {origin: each.rounds for origin, each in facts.items()} == {4: 6, 5: 3, 6: 6}
    assert len(rounds) == 15
    assert forecasts[5].institutions.shape == (6, 2, 23)


def test_a_fit_that_follows_goes_on_with_the_posterior_and_with_what_institutions_have_learnt(tmp_path):
    still = msgspec.structs.replace(EVALUATION, assimilation=AssimilationConfig(rounds=1, rate=1e-9))
    run(tmp_path, still)
    before, after = (load_file(tmp_path / f"origin-00{place}" / "forecast.safetensors")["z"] for place in (4, 5))
    rates = before.mean(axis=0)[-2:], after.mean(axis=0)[-2:]  # of coordinates that both have: rate and stay
    spread = before.std(axis=0)[-2:]
    assert np.abs(rates[0] - rates[1]).max() < 0.2 * spread.min()
    assert after.std(axis=0)[-2:] == pytest.approx(spread, rel=0.1)
    steps = CALIBRATION.fit.local_steps
    files = (tmp_path / "origin-005" / "institutions").iterdir()
    assert [json.loads(path.read_text())["state"][-1] for path in files] == [(6 + 1) * steps] * 6


def test_fits_that_are_kept_are_taken_to_the_last_bit(tmp_path):
    first, again = run(tmp_path), run(tmp_path)
    assert again[2] == []
    for origin, forecast in first[0].items():
        assert np.array_equal(forecast.institutions, again[0][origin].institutions)
    (tmp_path / "origin-005" / "forecast.safetensors").unlink()
    last = run(tmp_path)
    assert {origin for origin, _ in last[2]} == {5}
    assert np.array_equal(first[0][5].institutions, last[0][5].institutions)


def test_a_fit_of_another_configuration_is_made_anew_and_so_is_what_follows_it(tmp_path):
    run(tmp_path)
    other = config_of(institutions=6, fitted=5, ahead=2, fit=FitConfig(rounds=7, draws=2))
    assert {origin for origin, _ in run(tmp_path, calibration=other)[2]} == {4, 5, 6}


def test_a_fit_by_other_shares_is_made_anew(tmp_path):
    run(tmp_path)
    halved = run(tmp_path, change=lambda data: dataclasses.replace(data, share=data.share / 2))
    assert {origin for origin, _ in halved[2]} == {4, 5, 6}


def test_a_fit_whose_writing_was_cut_off_does_not_pass_for_the_one_before(tmp_path):
    first, written = run(tmp_path), tmp_path / "origin-004" / "fit.safetensors"
    written.unlink()
    written.mkdir()  # so that writing ends after the institutions' files and before the forecast
    other = config_of(institutions=6, fitted=5, ahead=2, fit=FitConfig(rounds=6, draws=3))
    with pytest.raises(OSError, match="directory"):
        run(tmp_path, calibration=other)
    written.rmdir()
    again = run(tmp_path)
    assert {origin for origin, _ in again[2]} == {4}
    assert np.array_equal(first[0][4].institutions, again[0][4].institutions)


def test_a_fit_is_kept_whole_and_what_institutions_have_learnt_is_private(tmp_path):
    run(tmp_path)
    kept = tmp_path / "origin-004"
    assert {path.name for path in kept.iterdir()} == {"fit.safetensors", "forecast.safetensors", "institutions"}
    own = list((kept / "institutions").iterdir())
    assert len(own) == 6
    assert all(path.stat().st_mode & 0o077 == 0 for path in own)
