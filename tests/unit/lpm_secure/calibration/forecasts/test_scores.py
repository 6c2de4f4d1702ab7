"""Scores and baselines of forecasts, held against closed forms."""

import numpy as np
import pytest
from scipy import stats

from client_sdk.likelihood.counts import Counts
from client_sdk.likelihood.forecast import deviation, predict
from client_sdk.likelihood.institution import Hospital
from lpm_secure.calibration.forecasts import baselines
from lpm_secure.calibration.forecasts.scores import ALPHAS, score, weighted_interval_score


def test_the_interval_score_of_one_interval_is_that_of_its_paper():
    """Bracher et al. 2021, Eq. 1: width, and 2 / alpha for each unit outside."""
    draws = np.linspace(0.0, 100.0, 100_001)
    got = float(weighted_interval_score(draws[:, None], np.array([130.0]))[0])
    total = 0.5 * 80.0
    for alpha in ALPHAS:
        low, high = 100 * alpha / 2, 100 * (1 - alpha / 2)
        total += alpha / 2 * (high - low) + (130.0 - high)
    assert got == pytest.approx(total / (ALPHAS.size + 0.5), rel=1e-6)


def test_a_sharp_true_forecast_scores_best():
    rng = np.random.default_rng(1)
    truth = rng.normal(50.0, 5.0, 400)
    right, wide, off = (rng.normal(m, s, (2000, 1)) + np.zeros(400) for m, s in ((50, 5), (50, 15), (60, 5)))
    scores = [score(draws, truth).wis for draws in (right, wide, off)]
    assert scores[0] == min(scores)
    found = score(right, truth)
    assert found.cover50 == pytest.approx(0.5, abs=0.1)
    assert found.cover90 == pytest.approx(0.9, abs=0.06)
    assert found.counts == 400


def test_what_is_not_known_exactly_is_not_scored():
    assert score(np.ones((5, 3)), np.array([1.0, -1.0, np.nan])).counts == 1
    assert score(np.ones((5, 1)), np.array([np.nan])).counts == 0


def test_persistence_carries_the_last_count_on():
    draws = baselines.persistence(np.array([10.0, 11.0, np.nan, -1.0, 30.0]), 3, 4000, np.random.default_rng(1))
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


def test_a_hospitals_size_is_the_mode_of_its_posterior():
    hospital = Hospital(Counts(np.array([30.0, -1.0, np.nan, 80.0])), np.array([0.2, 0.3]))
    mean = np.array([[20.0, 2.0, 50.0, 60.0], [1.0, 0.1, 3.0, 3.0]])
    a, precision = hospital.size(mean)

    def log_p(at):
        value, _, _ = hospital.counts.log_likelihood(mean * np.exp(at)[:, None], hospital.dispersion)
        return value.sum(axis=1) - 0.5 * (at / hospital.scale_sd) ** 2

    assert (log_p(a) > log_p(a + 1e-2)).all()
    assert (log_p(a) > log_p(a - 1e-2)).all()
    curve = (2 * log_p(a) - log_p(a + 1e-3) - log_p(a - 1e-3)) / 1e-6
    assert precision == pytest.approx(curve, rel=0.3)


def test_gradients_are_those_of_the_likelihood_with_its_size_found():
    """By the envelope theorem the size's own motion adds nothing."""
    hospital = Hospital(Counts(np.array([30.0, 21.0, np.nan, 80.0])), np.array([0.2, 0.3]), local_steps=0)
    log_x = np.log(np.array([[[100.0, 90.0, 120.0, 300.0], [50.0, 40.0, 60.0, 90.0]]]))
    gradient, _ = hospital.answer(log_x)
    for b in range(2):
        for w in range(4):
            step = np.zeros_like(log_x)
            step[0, b, w] = 1e-5
            up, down = (hospital.answer(log_x + sign * step)[1] for sign in (1, -1))
            assert gradient[0, b, w] == pytest.approx((up - down) / 2e-5, abs=1e-4)


def test_a_forecast_starts_where_the_hospital_is_and_falls_back_to_the_city():
    mean = np.array([[10.0, 10.0, 10.0, 10.0]])
    last, step = deviation(np.array([10.0, 10.0, 21.0, 21.0]), mean)
    assert 0.4 < float(last[0]) < np.log(2.0)
    assert 0.1 < float(step[0]) < 0.7
    hospital = Hospital(Counts(np.array([100.0, 110.0, 90.0])), np.array([0.5]), scale_sd=0.0)
    log_x = np.full((4000, 1, 20), np.log(100.0))
    draws = predict(hospital, log_x, np.random.default_rng(3))
    assert draws.shape == (4000, 20)
    assert float(np.median(draws[:, 3])) > 70.0
    assert float(np.median(draws[:, -1])) == pytest.approx(50.0, rel=0.15)
