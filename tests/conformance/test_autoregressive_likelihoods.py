"""Every law with autoregressive errors: density, censored and missing values, derivatives, information and draws."""

import dataclasses

import numpy as np
import pytest
from scipy import integrate, stats

from client_sdk.likelihood.forecast import predict
from client_sdk.likelihood.laws.autoregression import AutoregressiveLikelihood
from client_sdk.likelihood.observation import LAWS, Observation
from client_sdk.likelihood.series import Series
from tests.calibration_hospitals import institution_of

NAMES = [name for name, law in LAWS.items() if issubclass(law, AutoregressiveLikelihood)]
SPREAD = {"gaussian_ar1": 2.5, "log_gaussian_ar1": 0.4}
RHO = np.array([0.3, 0.8])
MEAN = np.array([4.0, 2.5, 7.0, 1.0, 3.0, 6.0])
VALUES = np.array([6.0, 3.0, np.nan, 2.0, 4.0, 2.0])
LEAST = np.array([6.0, 1.0, np.nan, -np.inf, 8.0, 2.0])  # exact, between, missing, below, exact twice
MOST = np.array([6.0, 3.0, np.nan, 5.0, 8.0, 2.0])


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def law_of(name, series, rho=RHO):
    return dataclasses.replace(LAWS[name](series), persistence=np.asarray(rho))


def errors_of(name, values, mean):
    """Return standard errors, and the sum of the logs of their derivatives by the values."""
    if name == "gaussian_ar1":
        return (values - mean) / SPREAD[name], -values.size * np.log(SPREAD[name])
    return np.log(values / mean) / SPREAD[name], -np.log(values * SPREAD[name]).sum()


def test_the_density_is_that_of_an_autoregression_averaged_over_its_persistence(name) -> None:
    known = np.flatnonzero(np.isfinite(VALUES))
    error, log_unit = errors_of(name, VALUES[known], MEAN[known])
    gap = np.abs(known[:, None] - known[None])
    each = [stats.multivariate_normal(cov=rho**gap).logpdf(error) + log_unit for rho in RHO]
    value = law_of(name, Series.of(VALUES)).log_likelihood(MEAN, SPREAD[name])[0]
    assert value.sum() == pytest.approx(np.log(np.mean(np.exp(each))))
    assert value[2] == 0.0


def test_probabilities_after_a_known_value_add_up_to_one(name) -> None:
    def density(at):
        series = Series.of(np.array([6.0, at]))
        return float(np.exp(law_of(name, series).log_likelihood(MEAN[:2], SPREAD[name])[0][1]))

    low = -30.0 if name == "gaussian_ar1" else 1e-9
    inside, _ = integrate.quad(density, low, 5.0)
    above, _ = integrate.quad(density, 5.0, 60.0, limit=200)
    assert inside + above == pytest.approx(1.0, abs=1e-6)
    bounded = law_of(name, Series(np.array([6.0, -np.inf]), np.array([6.0, 5.0])))
    assert float(np.exp(bounded.log_likelihood(MEAN[:2], SPREAD[name])[0][1])) == pytest.approx(inside, abs=1e-6)


def test_nothing_follows_a_value_that_is_not_known_exactly(name) -> None:
    hidden = Series(np.array([6.0, 1.0, 8.0]), np.array([6.0, 3.0, 8.0]))
    missing = Series.of(np.array([6.0, np.nan, 8.0]))
    one, other = (law_of(name, series, [0.8]).log_likelihood(MEAN[:3], SPREAD[name])[0] for series in (hidden, missing))
    assert one[2] == pytest.approx(other[2])
    assert one[1] < 0.0


def test_derivatives_are_those_of_differences_period_by_period(name) -> None:
    law, draws = law_of(name, Series(LEAST, MOST)), np.stack([MEAN, 1.5 * MEAN])
    spread, step = SPREAD[name], 1e-6
    _, by_mean, by_spread = law.log_likelihood(draws, spread)

    def total(mean, at):
        return law.log_likelihood(mean, at)[0].sum(axis=-1)

    for period in range(MEAN.size):
        change = np.exp(step * (np.arange(MEAN.size) == period))
        slope = (total(draws * change, spread) - total(draws / change, spread)) / (2 * step)
        assert by_mean[:, period] == pytest.approx(slope, rel=1e-6, abs=1e-6), period
    slope = (total(draws, spread * np.exp(step)) - total(draws, spread * np.exp(-step))) / (2 * step)
    assert by_spread.sum(axis=-1) == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_draws_are_alike_from_period_to_period_and_information_is_their_score_squared(name) -> None:
    law, mean, spread = law_of(name, Series.of(np.full(6, 4.0)), [0.8]), np.full((20_000, 6), 6.0), SPREAD[name]
    drawn = law.draw(mean, spread, np.random.default_rng(3))
    error = errors_of(name, drawn, mean)[0] if name == "gaussian_ar1" else np.log(drawn / mean) / spread
    assert np.cov(error.T) == pytest.approx(0.8 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6))), abs=0.03)
    scores = [law_of(name, Series.of(each), [0.8]).log_likelihood(mean[0], spread)[1].sum() for each in drawn[:4000]]
    assert np.mean(scores) == pytest.approx(0.0, abs=5 * np.std(scores) / np.sqrt(len(scores)))
    assert np.mean(np.square(scores)) == pytest.approx(law.information(mean[0], spread).sum(), rel=0.08)


def test_later_values_are_drawn_as_the_law_has_them_after_the_last_one(name) -> None:
    law, count, spread = law_of(name, Series.of(np.array([6.0, 9.0, np.nan])), [0.8]), 40_000, SPREAD[name]
    mean = np.full((count, 5), 6.0)
    later = law.draw_after(mean, spread, lambda noise: pytest.fail("it has an own law"), np.random.default_rng(3))
    error = (later - 6.0) / spread if name == "gaussian_ar1" else np.log(later / 6.0) / spread
    last = 3.0 / spread if name == "gaussian_ar1" else np.log(1.5) / spread
    assert error.mean(axis=0) == pytest.approx([last * 0.8**2, last * 0.8**3], abs=0.02)
    assert error.var(axis=0) == pytest.approx([1 - 0.8**4, 1 - 0.8**6], abs=0.02)
    assert np.cov(error.T)[0, 1] == pytest.approx(0.8 * (1 - 0.8**4), abs=0.02)


def test_a_stock_that_is_off_for_long_counts_for_less_than_as_many_separate_values(name) -> None:
    spread = SPREAD[name]
    mean, slope = (np.full(6, 4.0), 4.0 / spread) if name == "gaussian_ar1" else (MEAN, 1.0 / spread)
    together, apart = (law_of(name, Series.of(MEAN), [rho]).information(mean, spread).sum() for rho in (0.9, 0.0))
    assert together == pytest.approx((1.0 + 5 * (0.1**2) / (1 - 0.81)) * slope**2)
    assert together < 0.3 * apart


def test_a_persistent_series_is_recognised_and_forecast_so(name) -> None:
    observation = Observation(likelihood=name, spread=SPREAD[name], spread_sd=0.5, size_sd=0.0, share_sd=0.0)
    up, mixed = [9.0, 9.2, 9.1, 9.3, 9.2, 9.1], [9.0, 3.2, 9.1, 3.3, 3.2, 9.1]
    medians = []
    for values in (up, mixed):
        institution = institution_of(values, [1.0], observation=observation)
        log_x = np.full((3000, 1, 8), np.log(6.0))
        medians.append(float(np.median(predict(institution, log_x, np.random.default_rng(3))[:, 6])))
    assert medians[0] > medians[1] + 0.5


def test_a_value_far_out_has_a_finite_log_and_a_derivative_that_leads_back(name) -> None:
    far = law_of(name, Series(np.array([-np.inf, 900.0]), np.array([2.0, 900.0])))
    value, by_mean, _ = far.log_likelihood(np.array([1e5, 1e-3]), SPREAD[name])
    assert np.isfinite(value).all()
    assert by_mean[0] < 0 < by_mean[1]
