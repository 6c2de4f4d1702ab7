"""What an institution keeps of a calibration, by itself."""

import stat

import pytest
import torch

from client_sdk.secure_sum import local_state
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from protocols.errors import ParameterError
from tests.calibration_hospitals import institution_of
from tests.short_fits import COURSE, fit_of, sums_of


def test_hospitals_that_learn_go_on_to_the_same_posterior_to_the_bit(tmp_path):
    whole = fit_of(sums_of(local_steps=2))
    whole.run()
    first, hospitals = fit_of(sums_of(local_steps=2)), None
    for _ in range(3):
        first.advance()
    hospitals = first.sums.institutions
    for name, hospital in hospitals.items():
        local_state.write(tmp_path / f"{name}.json", hospital, round_=first.round)
    first.save(tmp_path / "fit.safetensors")
    second = fit_of(sums_of(local_steps=2))
    second.load(tmp_path / "fit.safetensors")
    for name, hospital in second.sums.institutions.items():
        local_state.resume(tmp_path / f"{name}.json", hospital, round_=second.round)
    second.run()
    assert torch.equal(whole.draws(5, seed=1), second.draws(5, seed=1))
    other = Fit(COURSE, second.sums, FitSchedule(rounds=7, draws=3))
    with pytest.raises(ParameterError, match="another fit"):
        other.load(tmp_path / "fit.safetensors")


def test_what_a_hospital_keeps_is_its_own(tmp_path):
    hospital = institution_of([3.0, 4.0], [0.2, 0.1])
    path = tmp_path / "own.json"
    local_state.write(path, hospital, round_=3)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ParameterError, match="of round 3"):
        local_state.resume(path, hospital, round_=4)
    other = institution_of([3.0, 4.0], [0.2, 0.1, 0.1])
    with pytest.raises(ParameterError, match="it has 13"):
        local_state.resume(path, other, round_=3)
    path.chmod(0o644)
    with pytest.raises(ParameterError, match="chmod 0600"):
        local_state.resume(path, hospital, round_=3)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(ParameterError, match="start the fit anew"):
        local_state.resume(path, hospital, round_=3)
