"""A hospital's forecast."""

import numpy as np
import pytest

from client_sdk.likelihood.forecast import deviation, predict
from tests.calibration_hospitals import KNOWN_SIZE, institution_of


def test_a_forecast_starts_where_the_hospital_is_and_falls_back_to_the_city():
    mean = np.array([[10.0, 10.0, 10.0, 10.0]])
    last, step = deviation(np.array([10.0, 10.0, 21.0, 21.0]), mean)
    assert 0.4 < float(last[0]) < np.log(2.0)
    assert 0.1 < float(step[0]) < 0.7
    hospital = institution_of([100.0, 110.0, 90.0], [0.5], observation=KNOWN_SIZE)
    log_x = np.full((4000, 1, 20), np.log(100.0))
    draws = predict(hospital, log_x, np.random.default_rng(3))
    assert draws.shape == (4000, 20)
    assert float(np.median(draws[:, 3])) > 70.0
    assert float(np.median(draws[:, -1])) == pytest.approx(50.0, rel=0.15)
