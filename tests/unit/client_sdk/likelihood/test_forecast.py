"""A hospital's forecast."""

import msgspec
import numpy as np
import pytest

from client_sdk.likelihood.forecast import predict
from tests.calibration_hospitals import KNOWN_SIZE, OBSERVATION, institution_of


def forecast(values, ahead, **changes):
    """Return medians of what a hospital forecasts that sees half of a place where 100 are expected."""
    hospital = institution_of(values, [0.5], **changes)
    log_x = np.full((2000, 1, len(values) + ahead), np.log(100.0))
    draws = predict(hospital, log_x, np.random.default_rng(3))
    assert draws.shape == (2000, len(values) + ahead)
    return np.median(draws[:, len(values) :], axis=0)


def test_a_bias_that_was_always_there_stays() -> None:
    later = forecast([100.0, 104.0, 97.0, 101.0, 99.0, 102.0, 100.0, 98.0], 26)
    assert later[0] == pytest.approx(100.0, rel=0.1)
    assert later[-1] == pytest.approx(100.0, rel=0.15)


def test_a_deviation_of_late_falls_back_in_days_and_not_in_periods() -> None:
    values = [50.0, 52.0, 48.0, 51.0, 49.0, 50.0, 90.0, 92.0]
    observation = msgspec.structs.replace(KNOWN_SIZE, deviation_scale=0.3)
    by_weeks = forecast(values, 12, observation=observation, period_days=7)
    by_days = forecast(values, 12, observation=observation, period_days=1)
    assert by_weeks[0] > 70.0
    assert by_weeks[-1] < 0.85 * by_weeks[0]
    assert by_days[-1] > by_weeks[-1]


@pytest.mark.parametrize("size", [0.5, 1.0, 2.5])
@pytest.mark.parametrize(("mean", "period_days"), [(1.0, 1), (3.0, 7), (40.0, 7)])
def test_small_counts_are_forecast_at_the_size_that_they_have(mean: float, size: float, period_days: int) -> None:
    observation = msgspec.structs.replace(OBSERVATION, size_sd=0.7)
    values = np.random.default_rng(4).poisson(mean * size, 80).astype(float)
    hospital = institution_of(values, [1.0], observation=observation, period_days=period_days)
    draws = predict(hospital, np.full((1000, 1, 84), np.log(mean)), np.random.default_rng(3))
    assert draws[:, 80:].mean() == pytest.approx(values.mean(), rel=0.2)


def test_positive_values_below_1_are_forecast_by_their_own_log() -> None:
    observation = msgspec.structs.replace(KNOWN_SIZE, likelihood="log_gaussian", spread=0.1)
    values = 0.05 * np.exp(0.1 * np.random.default_rng(4).standard_normal(40))
    unit = institution_of(values, [1.0], observation=observation)
    draws = predict(unit, np.full((1000, 1, 44), np.log(0.01)), np.random.default_rng(3))
    assert np.median(draws[:, 40:]) > 0.03
    assert draws[:, 40:].max() < 1.0
