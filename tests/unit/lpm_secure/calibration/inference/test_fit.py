from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from client_sdk.likelihood.forecasts.forecast_institution import ForecastInstitution
from client_sdk.secure_sum.contribution import Contribution, clip_norm
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.secure_sum.digest import SumDigest
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.oracle import PooledSum
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for
from lpm_secure.secure_sum.transport import SecureSum
from protocols.errors import CohortTooSmall, ParameterError, WouldWrap
from tests.calibration_hospitals import COURSE, FloatOracle, hospitals, in_process

SHORT = 4  # draws


def shared(held: dict[str, Any] | None = None, **changes: Any) -> InProcessSum:
    return in_process(hospitals() if held is None else held, draws=SHORT, **changes)


def fitted(sums: SecureSum, rounds: int = 12) -> Fit:
    fit = Fit(COURSE, sums, FitSchedule(rounds=rounds, draws=SHORT), names=tuple(hospitals()))
    fit.run()
    return fit


def test_federated_draws_are_the_pooled_ones_up_to_fixed_point() -> None:
    pooled, summed = fitted(FloatOracle(hospitals())), fitted(shared(aggregators=3))
    assert torch.allclose(pooled.draws(20, seed=3), summed.draws(20, seed=3), rtol=0, atol=1e-5)


def test_draws_do_not_depend_on_the_masks() -> None:
    one, other = fitted(shared()), fitted(shared(aggregators=4))
    assert torch.equal(one.draws(20, seed=3), other.draws(20, seed=3))


def test_a_fit_that_was_interrupted_goes_on_to_the_same_posterior(tmp_path: Path) -> None:
    whole = fitted(shared(hospitals(local_steps=0)), rounds=8)
    schedule = FitSchedule(rounds=8, draws=4)
    first = Fit(COURSE, shared(hospitals(local_steps=0)), schedule)
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "fit.pt")
    second = Fit(COURSE, shared(hospitals(local_steps=0)), schedule)
    second.load(tmp_path / "fit.pt")
    second.run()
    assert torch.equal(whole.draws(5, seed=1), second.draws(5, seed=1))
    (tmp_path / "bad.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ParameterError, match="start anew"):
        second.load(tmp_path / "bad.pt")


def test_a_hospital_that_drops_out_and_returns_is_named_and_the_fit_goes_on() -> None:
    away = frozenset({"hospital-2"})
    fit = fitted(shared(absent={2: away, 3: away, 4: away}))
    assert fit.round == 12
    assert fit.absences == {"hospital-2": 3}


def test_a_sum_over_too_few_hospitals_is_refused() -> None:
    with pytest.raises(CohortTooSmall, match="the manifest promises 5"):
        fitted(shared(absent={0: frozenset({"hospital-1", "hospital-3"})}))


def test_an_update_is_clipped_and_nothing_of_what_is_not_finite_leaves() -> None:
    assert np.linalg.norm(clip_norm(np.full((2, 3), 9.0), 1.0)) == pytest.approx(1.0)
    assert not clip_norm(np.array([np.inf, 1.0]), 1.0).any()
    assert not clip_norm(np.array([np.nan, 1.0]), 1.0).any()
    assert clip_norm(np.array([0.3, 0.4]), 1.0).tolist() == [0.3, 0.4]


def test_a_clip_whose_sum_could_wrap_is_refused() -> None:
    with pytest.raises(WouldWrap):
        shared(contribution=Contribution(clip=2.0**40, bits=24))


def test_what_is_published_of_later_periods_changes_no_bit_of_the_fit() -> None:
    ahead = 3
    longer = {name: ForecastInstitution(each, ahead) for name, each in hospitals().items()}
    shape = (SHORT, len(COURSE.places), COURSE.periods + ahead)
    given = {"rounds": 12, "min_cohort": 5}
    sums = InProcessSum(manifest_for(tuple(longer), shape, [NOWHERE] * 2, **given), longer)
    fit = Fit(COURSE, sums, FitSchedule(rounds=12, draws=SHORT), tuple(longer), ahead=ahead)
    fit.run()
    assert torch.equal(fit.draws(20, seed=3), fitted(shared()).draws(20, seed=3))
    heard = longer["hospital-0"].heard
    assert heard.shape == (12 * SHORT, *shape[1:])
    assert np.isfinite(heard).all()


@pytest.mark.parametrize("dealer", [None, NOWHERE])
def test_sums_of_shares_are_those_of_all_data_in_one_place_to_the_last_integer(dealer: str | None) -> None:
    hashes = []
    for kind in (PooledSum, InProcessSum):
        held = hospitals()
        shape, names = (SHORT, len(COURSE.places), COURSE.periods), tuple(held)
        manifest = manifest_for(names, shape, [NOWHERE] * 2, rounds=4, min_cohort=5, dealer=dealer)
        digest = SumDigest(kind(manifest, held))
        Fit(COURSE, digest, FitSchedule(rounds=4, draws=SHORT), names).run()
        hashes.append(digest.sha256)
    assert hashes[0] == hashes[1]
