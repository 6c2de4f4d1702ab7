"""An institution's own deviation against the Gaussian law that it is, written out."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from client_sdk.likelihood.deviation import Deviation
from tests.calibration_hospitals import OBSERVATION

KEPT, SD, DRIFT, START = 0.7, 0.3, 0.1, 0.5
OWN = Deviation(START, np.array([0.2, KEPT]), np.array([0.9, SD]), np.array([0.0, DRIFT]))
OFF = np.array([0.5, np.nan, 0.2, 0.9, 0.6])
NOISE = np.array([0.02, 0.02, 0.1, 0.01, 0.05])
AHEAD = 3


def law():
    """Return the covariance of deviations in all periods, without noise, for the second point of the grid."""
    time = np.arange(OFF.size + AHEAD)
    early = np.minimum(time[:, None], time[None])
    return START**2 + DRIFT**2 * early + SD**2 * KEPT ** np.abs(time[:, None] - time[None])


def test_the_grid_is_weighed_by_the_density_of_the_known_periods() -> None:
    known = np.isfinite(OFF)
    time = np.flatnonzero(known)
    first = START**2 + 0.9**2 * 0.2 ** np.abs(time[:, None] - time[None])
    second = law()[np.ix_(time, time)]
    log_p = [stats.multivariate_normal(cov=c + np.diag(NOISE[known])).logpdf(OFF[known]) for c in (first, second)]
    weights = OWN.weights(OFF, NOISE)
    assert np.log(weights[1] / weights[0]) == pytest.approx(log_p[1] - log_p[0], abs=1e-9)


def test_later_deviations_are_those_of_gaussian_conditioning() -> None:
    seen, count = np.flatnonzero(np.isfinite(OFF)), 200_000
    all_, later = law(), np.arange(OFF.size, OFF.size + AHEAD)
    gain = all_[np.ix_(later, seen)] @ np.linalg.inv(all_[np.ix_(seen, seen)] + np.diag(NOISE[seen]))
    mean, covariance = gain @ OFF[seen], all_[np.ix_(later, later)] - gain @ all_[np.ix_(seen, later)]
    off, noise = np.broadcast_to(OFF, (count, OFF.size)), np.broadcast_to(NOISE, (count, OFF.size))
    drawn = OWN.draw_later(off, noise, np.array([0.0, 1.0]), AHEAD, np.random.default_rng(5))
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.005)
    assert np.cov(drawn.T) == pytest.approx(covariance, abs=0.003)


def test_times_are_of_days_however_long_a_period_is() -> None:
    weeks, days = (Deviation.of(OBSERVATION, period_days) for period_days in (7, 1))
    assert days.kept**7 == pytest.approx(weeks.kept)
    assert days.drift * np.sqrt(7.0) == pytest.approx(weeks.drift)
    shorter = Deviation.of(msgspec.structs.replace(OBSERVATION, half_life_days=14.0), 7)
    assert shorter.kept == pytest.approx(weeks.kept**2)


def test_without_a_known_period_the_prior_is_drawn() -> None:
    nothing = np.full((50_000, 2), np.nan)
    drawn = OWN.draw_later(nothing, np.ones_like(nothing), np.array([0.0, 1.0]), 1, np.random.default_rng(5))
    assert drawn.var() == pytest.approx(START**2 + 2 * DRIFT**2 + SD**2, rel=0.03)
    assert OWN.weights(nothing[0], np.ones(2)).tolist() == [0.5, 0.5]
