"""Scores of quantiles, of values that are known, censored and missing."""

import numpy as np
import pytest
from scipy import stats

from lpm_secure.calibration.forecasts import scores as of_draws
from lpm_secure.evaluation.scores.quantiles import LEVELS, quantiles_of
from lpm_secure.evaluation.scores.value_scores import score_values

NORMAL = stats.norm.ppf(LEVELS, 10.0, 2.0)


def score(value, most=None):
    return score_values(NORMAL[None], np.array([value]), np.array([value if most is None else most]))


def test_the_score_of_quantiles_is_that_of_the_draws_that_they_are_of():
    rng = np.random.default_rng(1)
    draws, truth = rng.gamma(3.0, 5.0, (500, 6)), rng.gamma(3.0, 5.0, 6)
    found = score_values(quantiles_of(draws), truth, truth)
    assert found.wis == pytest.approx(of_draws.weighted_interval_score(draws, truth))


def test_the_score_is_twice_the_mean_pinball_loss_of_the_levels():
    for value in (3.0, 10.0, 13.0):
        loss = np.maximum(LEVELS * (value - NORMAL), (LEVELS - 1.0) * (value - NORMAL))
        assert score(value).wis[0] == pytest.approx(2.0 * loss.mean())


def test_a_censored_value_costs_nothing_where_the_forecast_lies_between_its_bounds():
    assert score(0.0, 30.0).wis[0] == 0.0
    assert score(-np.inf, 30.0).wis[0] == 0.0
    assert score(0.0, 30.0).held50[0] == 1.0


def test_a_censored_value_costs_what_its_nearer_bound_costs_where_the_forecast_lies_outside():
    above = score(20.0, 24.0)
    assert above.wis[0] == pytest.approx(score(20.0).wis[0])
    assert above.held90[0] == 0.0
    below = score(1.0, 2.0)
    assert below.wis[0] == pytest.approx(score(2.0).wis[0])


def test_the_censored_score_is_best_for_the_law_that_values_come_from():
    rng = np.random.default_rng(2)
    values = rng.normal(4.0, 2.0, 4000)
    hidden = values < 4.0
    least, most = np.where(hidden, 0.0, values), np.where(hidden, 4.0, values)
    means = {
        centre: score_values(np.broadcast_to(stats.norm.ppf(LEVELS, centre, 2.0), (4000, 23)), least, most).wis.mean()
        for centre in (3.0, 4.0, 5.0)
    }
    assert min(means, key=means.__getitem__) == 4.0


def test_a_missing_value_has_no_score():
    found = score(np.nan)
    assert all(np.isnan(part[0]) for part in (found.wis, found.wis_log, found.held50, found.held90, found.bias))


def test_intervals_hold_as_often_as_they_say_and_the_integral_transform_is_uniform():
    truth = np.random.default_rng(3).normal(10.0, 2.0, 4000)
    found = score_values(np.broadcast_to(NORMAL, (4000, 23)), truth, truth)
    assert found.held50.mean() == pytest.approx(0.5, abs=0.03)
    assert found.held90.mean() == pytest.approx(0.9, abs=0.02)
    assert found.bias.mean() == pytest.approx(0.0, abs=0.05)
    assert ((found.below + found.above) / 2 < 0.25).mean() == pytest.approx(0.25, abs=0.03)


def test_bias_says_on_which_side_a_forecast_is():
    assert score(30.0).bias[0] < -0.9
    assert score(-5.0).bias[0] > 0.9
