"""Normal probabilities against scipy, far out in the tails too."""

import numpy as np
import pytest
from scipy import stats

from client_sdk.likelihood.laws.normal_interval import FAR, log_density, log_interval, log_law, log_probability

PLACES = np.array([-300.0, FAR - 0.1, FAR + 0.1, -3.0, 0.0, 2.0, 8.0, 30.0])


def test_probabilities_are_those_of_scipy():
    np.testing.assert_allclose(log_probability(PLACES), stats.norm.logcdf(PLACES), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(log_density(PLACES), stats.norm.logpdf(PLACES))
    assert log_probability(np.array([-np.inf]))[0] == -np.inf


@pytest.mark.parametrize(("least", "most"), [(-1.0, 2.0), (3.0, 3.5), (-9.0, -8.0), (20.0, 21.0), (-np.inf, -2.0)])
def test_an_interval_has_its_probability_and_the_derivatives_of_differences(least, most):
    one, other = np.array([least]), np.array([most])
    value, by_least, by_most = (each[0] for each in log_interval(one, other))
    low, high = (-most, -least) if least > 0 else (least, most)
    assert value == pytest.approx(np.log(stats.norm.cdf(high) - stats.norm.cdf(low)), rel=1e-9)
    step = 1e-6
    up, down = (log_interval(one, other + s * step)[0][0] for s in (1, -1))
    assert by_most == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-6)
    if np.isfinite(least):
        up, down = (log_interval(one + s * step, other)[0][0] for s in (1, -1))
        assert by_least == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-6)


def test_a_value_has_its_density_bounds_their_probability_and_what_is_missing_nothing():
    least, most = np.array([0.5, -1.0, np.nan]), np.array([0.5, 1.0, np.nan])
    censored, known = np.array([False, True, False]), np.array([True, True, False])
    value, by_least, by_most, by_unit = log_law(least, most, censored, known)
    np.testing.assert_allclose(value, [stats.norm.logpdf(0.5), np.log(2 * stats.norm.cdf(1.0) - 1), 0.0])
    assert (by_least[0], by_most[0], by_unit[0]) == (0.0, -0.5, 0.5**2 - 1)
    assert (by_least[2], by_most[2], by_unit[2]) == (0.0, 0.0, 0.0)
