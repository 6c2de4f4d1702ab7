"""The damped growth of a total."""

import numpy as np
import pytest

from lpm_secure.evaluation.baselines import BASELINES
from lpm_secure.evaluation.scores.quantiles import MEDIAN


def test_pooled_growth_follows_the_total_and_not_the_own_series():
    falling, total = np.array([40.0, 30.0, 20.0]), np.array([1000.0, 1200.0, 1440.0])
    medians = BASELINES["pooled_growth"].quantiles(falling, total, 3)[:, MEDIAN]
    expected = 20.0 * np.exp(0.5 * np.log(1441.0 / 1001.0) * np.cumsum(0.7 ** np.arange(1, 4)))
    assert medians == pytest.approx(expected, rel=0.1)


def test_pooled_growth_fills_gaps_and_says_nothing_of_a_series_that_ends_in_one():
    baseline = BASELINES["pooled_growth"]
    assert baseline.summand(np.array([3.0, np.nan, 15.0])) == pytest.approx([3.0, 7.0, 15.0])
    assert not baseline.summand(np.array([3.0, 7.0, np.nan])).any()


def test_a_series_that_begins_late_says_nothing_until_it_has_three_values():
    baseline = BASELINES["pooled_growth"]
    assert baseline.summand(np.array([np.nan, np.nan, 7.0, 9.0])).tolist() == [0.0, 0.0, 0.0]
    assert baseline.summand(np.array([np.nan, 7.0, 9.0, 8.0])) == pytest.approx([7.0, 9.0, 8.0])
