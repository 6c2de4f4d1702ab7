"""Scores and baselines of forecasts, held against closed forms."""

import numpy as np
import pytest

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
    assert score(np.ones((5, 3)), np.array([1.0, np.nan, np.nan])).counts == 1
    assert score(np.ones((5, 1)), np.array([np.nan])).counts == 0
