"""Baselines of forecasts: every one of them on series of any kind, and their sums by shares and in the clear."""

import numpy as np
import pytest

from lpm_secure.evaluation.baselines import BASELINES
from lpm_secure.evaluation.scores.quantiles import LEVELS, MEDIAN
from lpm_secure.evaluation.secure_totals import SecureTotals
from lpm_secure.secure_sum.oracle import PooledSum

AHEAD = 8
GAP = float("nan")
SERIES = {
    "rises": [3.0, 5.5, 8.0, 13.0, 21.5, 30.0, 44.0],
    "is constant": [7.0] * 6,
    "is zero": [0.0] * 6,
    "has gaps": [4.0, GAP, 9.0, 12.0, GAP, 10.0, 11.0],
    "ends in a gap": [4.0, 5.0, 9.0, 12.0, GAP],
    "begins in a gap": [GAP, GAP, 9.0, 12.0, 15.0],
    "has one value": [GAP, 6.0],
    "has none": [GAP, GAP, GAP],
    "is large": [2e6, 3e6, 4.5e6, 5e6],
}


@pytest.fixture(params=BASELINES.values(), ids=BASELINES)
def baseline(request):
    return request.param


@pytest.fixture(params=SERIES.values(), ids=SERIES)
def values(request):
    return np.array(request.param)


def own_forecast(baseline, values):
    return baseline.quantiles(values, baseline.summand(values), AHEAD)


def test_quantiles_are_finite_at_least_0_and_in_order(baseline, values):
    found = own_forecast(baseline, values)
    assert found.shape == (AHEAD, LEVELS.size)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (np.diff(found, axis=1) >= 0).all()


def test_a_forecast_is_the_same_each_time_and_leaves_its_series_as_it_was(baseline, values):
    before = values.copy()
    assert np.array_equal(own_forecast(baseline, values), own_forecast(baseline, values))
    assert np.array_equal(values, before, equal_nan=True)


def test_a_summand_has_its_length_and_is_finite(baseline, values):
    summand = baseline.summand(values)
    assert summand.shape == (baseline.length,)
    assert np.isfinite(summand).all()


def test_forecasts_are_less_sure_the_further_they_are(baseline):
    found = own_forecast(baseline, np.array(SERIES["has gaps"]))
    assert (found[-1, -1] - found[-1, 0]) > (found[0, -1] - found[0, 0]) > 0


def test_a_longer_forecast_begins_with_the_shorter_one(baseline, values):
    total = baseline.summand(values)
    near = baseline.quantiles(values, total, 1)[0]
    assert near[MEDIAN] == pytest.approx(baseline.quantiles(values, total, AHEAD)[0, MEDIAN], rel=1e-9)


@pytest.mark.parametrize("active", [False, True], ids=["semi-honest", "active"])
def test_what_is_summed_by_shares_is_what_pooled_values_sum_to_bit_for_bit(baseline, active):
    if not baseline.length:
        pytest.skip("this baseline sums nothing: each institution has it for itself")
    rng = np.random.default_rng(3)
    pooled = {f"ward-{place}": rng.gamma(2.0, 20.0, 9) for place in range(6)}
    answers = {name: lambda origin, values=values: baseline.summand(values[:origin]) for name, values in pooled.items()}
    asked = {"length": baseline.length}
    private = SecureTotals(2, 5, active=active)
    clear = SecureTotals(2, 5, active=active, transport=PooledSum)
    found, expected = (way.open("totals", answers, [4, 9], **asked) for way in (private, clear))
    for origin in (4, 9):
        assert np.array_equal(found[origin], expected[origin])
        assert found[origin] == pytest.approx(
            sum(baseline.summand(each[:origin]) for each in pooled.values()), abs=1e-3
        )
    assert private.ledger == [{"question": "totals", "sums": 2, "numbers": baseline.length, "institutions": 6}]
