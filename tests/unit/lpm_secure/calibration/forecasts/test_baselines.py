"""Baselines of forecasts."""

import numpy as np
import pytest
from scipy import stats

from lpm_secure.calibration.forecasts import baselines


def test_persistence_carries_the_last_count_on():
    draws = baselines.persistence(np.array([10.0, 11.0, np.nan, 2.0, 30.0]), 3, 4000, np.random.default_rng(1))
    assert np.median(draws, axis=0) == pytest.approx([30.0] * 3, rel=0.1)
    assert (np.diff(draws.std(axis=0)) > 0).all()


def test_a_trend_is_found_with_its_spread():
    rng, r = np.random.default_rng(2), 30.0
    mean = np.exp(3.0 + 0.05 * np.arange(60))
    series = rng.negative_binomial(r, r / (r + mean)).astype(float)
    draws = baselines.trend(series, 4, 4000, rng)
    ahead = np.exp(3.0 + 0.05 * (60 + np.arange(4)))
    assert np.median(draws, axis=0) == pytest.approx(ahead, rel=0.15)
    assert draws[:, 0].std() == pytest.approx(stats.nbinom(r, r / (r + ahead[0])).std(), rel=0.4)


def test_baselines_take_a_series_that_says_nothing():
    for method in (baselines.persistence, baselines.trend):
        assert np.isfinite(method(np.full(6, np.nan), 2, 10, np.random.default_rng(1))).all()
