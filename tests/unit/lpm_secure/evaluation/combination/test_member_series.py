"""One series: averages, widths and counts."""

import numpy as np
import pytest
from scipy import stats

from client_sdk.likelihood.series import Series
from lpm_secure.evaluation.combination.member_series import MemberSeries, groups_of, widen
from lpm_secure.evaluation.scores.quantiles import LEVELS, MEDIAN

NORMAL = np.exp(stats.norm.ppf(LEVELS, 3.0, 0.5))
HORIZONS = (2, 4)


def series_of(*members, values=(20.0, 20.0, 20.0, 20.0, 20.0, 20.0)):
    quantiles = np.stack([np.broadcast_to(member, (2, 4, LEVELS.size)) for member in members])
    return MemberSeries.of(Series.of(np.array(values)), [1, 3], quantiles)


def test_what_came_stands_beside_each_forecast_and_is_missing_after_the_end():
    found = series_of(NORMAL, values=(1.0, 2.0, 3.0, 4.0, 5.0))
    assert np.array_equal(found.most, [[2, 3, 4, 5], [4, 5, np.nan, np.nan]], equal_nan=True)


def test_an_average_takes_quantiles_level_by_level_by_the_weights_of_their_group():
    weights = np.array([[[1.0, 0.0], [0.25, 0.75]]] * 2)
    found = series_of(NORMAL, 3.0 * NORMAL).average(weights, HORIZONS).quantiles[0]
    assert found[0, 1] == pytest.approx(NORMAL)
    assert found[1, 2] == pytest.approx(2.5 * NORMAL)


def test_the_past_counts_alone_in_scores():
    series, past = series_of(NORMAL, 2.0 * NORMAL), np.zeros((2, 2, 4))
    assert not series.scores(past).any()
    past[0, 0, :2] = 1.0
    scores = series.scores(past)
    assert scores.shape == (2, 2, 2)
    assert scores[0, 0, 1] > scores[0, 0, 0] > 0
    assert not scores[1].any()


def test_wider_intervals_hold_at_least_as_often():
    values = np.exp(np.random.default_rng(4).normal(3.0, 1.0, 6))
    rows = series_of(NORMAL, values=values).hits(np.ones((2, 2, 4)), np.geomspace(0.4, 2.5, 9))
    assert rows.shape == (2, 19)
    for row in rows:
        assert row[0] == 7  # the series ends before the last one
        assert (np.diff(row[1:].reshape(2, 9), axis=1) >= 0).all()


def test_a_factor_of_1_changes_nothing_and_others_keep_median_and_order():
    quantiles = np.stack([NORMAL] * 4)
    assert widen(quantiles, np.ones((2, 2)), HORIZONS) == pytest.approx(quantiles)
    found = widen(quantiles, np.array([[0.5, 2.0], [2.5, 0.4]]), HORIZONS)
    assert found[:, MEDIAN] == pytest.approx(NORMAL[MEDIAN])
    assert (np.diff(found, axis=1) >= 0).all()
    assert found[0, -3] > NORMAL[-3]
    assert found[2, 6] < NORMAL[6]


def test_groups_of_periods_end_at_the_horizons():
    assert groups_of(HORIZONS).tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
