"""Scores of two methods over the same origins."""

import numpy as np
import pytest
from scipy import stats

from lpm_secure.evaluation.scores.comparison import compare_origins


def test_the_mean_is_geometric_so_that_halving_and_doubling_cancel():
    assert compare_origins([0.5, 2.0, 0.5, 2.0], lag=0)[0] == pytest.approx(1.0)


def test_without_a_lag_the_interval_is_that_of_student():
    ratios = np.exp(np.random.default_rng(1).normal(-0.1, 0.3, 12))
    logs = np.log(ratios)
    half = stats.t.ppf(0.975, 11) * logs.std(ddof=1) / np.sqrt(12)
    assert compare_origins(ratios, lag=0)[1:] == pytest.approx((np.exp(logs.mean() - half), np.exp(logs.mean() + half)))


def test_origins_that_share_periods_tell_less_than_as_many_that_do_not():
    steps = np.random.default_rng(2).normal(0.0, 0.3, 40)
    shared = np.exp(np.convolve(steps, np.ones(4) / 2.0, mode="valid"))
    narrow, wide = (compare_origins(shared, lag=lag) for lag in (0, 3))
    assert wide[2] - wide[1] > 1.3 * (narrow[2] - narrow[1])


@pytest.mark.parametrize(("origins", "ahead"), [(8, 4), (13, 8), (27, 8)])
def test_intervals_hold_means_of_errors_that_share_periods(origins: int, ahead: int) -> None:
    steps = np.random.default_rng(3).normal(size=(600, origins + ahead - 1))
    shared = np.exp([np.convolve(each, np.ones(ahead) / ahead, mode="valid") for each in steps])
    ends = np.array([compare_origins(each, lag=ahead - 1)[1:] for each in shared])
    assert 0.9 < np.mean((ends[:, 0] <= 1.0) & (ends[:, 1] >= 1.0)) <= 1.0


@pytest.mark.parametrize(("ratio", "mean"), [(0.0, 0.0), (np.inf, np.inf)])
def test_an_exact_forecast_leaves_no_interval(ratio: float, mean: float) -> None:
    found = compare_origins([ratio, 1.0, 1.0, 2.0], lag=3)
    assert found[0] == mean
    assert np.isnan(found[1:]).all()


def test_few_origins_have_no_interval():
    mean, low, high = compare_origins([0.9, 1.1], lag=3)
    assert mean == pytest.approx(np.sqrt(0.99))
    assert np.isnan([low, high]).all()
