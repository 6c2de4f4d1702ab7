"""Every likelihood of separate values: its density, censored and missing values, derivatives, information and draws."""

import numpy as np
import pytest
from scipy import stats

from client_sdk.likelihood.laws.autoregression import AutoregressiveLikelihood
from client_sdk.likelihood.observation import LAWS, Observation
from client_sdk.likelihood.series import Series
from protocols.errors import ConfigError, DataError

NOTHING, STEP = np.nan, 1e-6
COUNTS = ("negative_binomial", "poisson")
SPREAD = {"negative_binomial": 3.5, "poisson": 1.0, "gaussian": 2.5, "log_gaussian": 0.4}
MEAN = np.array([4.0, 2.5, 7.0, 1.0, 3.0, 60.0])
LEAST = np.array([6.0, 1.0, NOTHING, -np.inf, 8.0, 2.0])  # exact, between, missing, below, exact, far from its mean
MOST = np.array([6.0, 3.0, NOTHING, np.nextafter(5.0, 0.0), 8.0, 4.0])


def law_of(name, mean):
    """Return the law as scipy has it."""
    r = SPREAD[name]
    return {
        "negative_binomial": lambda: stats.nbinom(r, r / (r + mean)),
        "poisson": lambda: stats.poisson(mean),
        "gaussian": lambda: stats.norm(mean, r),
        "log_gaussian": lambda: stats.lognorm(r, scale=mean),
    }[name]()


@pytest.fixture(params=[name for name, law in LAWS.items() if not issubclass(law, AutoregressiveLikelihood)])
def name(request):
    return request.param


@pytest.fixture
def likelihood(name):
    return LAWS[name](Series(LEAST, MOST))


def test_density_and_probability_are_those_of_scipy(name, likelihood):
    value, _, _ = likelihood.log_likelihood(MEAN, SPREAD[name])
    for place, mean in enumerate(MEAN):
        law, least, most = law_of(name, mean), LEAST[place], MOST[place]
        if np.isnan(most):
            expected = 0.0
        elif least == most:
            expected = law.logpmf(most) if name in COUNTS else law.logpdf(most)
        elif name in COUNTS:
            expected = np.log(law.pmf(np.arange(max(np.ceil(least), 0), np.floor(most) + 1)).sum())
        else:
            below = law.logcdf(least) if np.isfinite(least) else -np.inf
            expected = law.logcdf(most) + np.log1p(-np.exp(below - law.logcdf(most)))
        assert value[place] == pytest.approx(expected, rel=1e-8), place


def test_derivatives_are_those_of_differences(name, likelihood):
    spread, draws = SPREAD[name], np.stack([MEAN, 2 * MEAN])
    _, by_mean, by_spread = likelihood.log_likelihood(draws, spread)
    up, down = (likelihood.log_likelihood(draws * np.exp(s * STEP), spread)[0] for s in (1, -1))
    assert by_mean == pytest.approx((up - down) / (2 * STEP), rel=1e-6, abs=1e-6)
    up, down = (likelihood.log_likelihood(draws, spread * np.exp(s * STEP))[0] for s in (1, -1))
    assert by_spread == pytest.approx((up - down) / (2 * STEP), rel=1e-6, abs=1e-6)
    assert by_mean.shape == draws.shape
    assert not by_mean[:, 2].any()


def test_draws_follow_the_law_and_information_is_their_score_squared(name):
    mean, spread = np.full(40_000, 6.0), SPREAD[name]
    law = LAWS[name]
    drawn = law(Series.of(np.zeros(0))).draw(mean, spread, np.random.default_rng(3))
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    found = np.array([(drawn <= quantile).mean() for quantile in law_of(name, 6.0).ppf(levels)])
    assert found == pytest.approx(law_of(name, 6.0).cdf(law_of(name, 6.0).ppf(levels)), abs=0.01)
    of_draws = law(Series.of(drawn))
    _, score, _ = of_draws.log_likelihood(mean, spread)
    assert float((score**2).mean()) == pytest.approx(float(of_draws.information(mean, spread)[0]), rel=0.05)
    assert abs(score.mean()) < 5 * score.std() / np.sqrt(mean.size)


def test_a_value_far_out_has_a_finite_log_and_a_derivative_that_leads_back(name):
    far = LAWS[name](Series(np.array([-np.inf, 900.0]), np.array([2.0, 900.0])))
    value, by_mean, _ = far.log_likelihood(np.array([1e5, 1e-3]), SPREAD[name])
    assert np.isfinite(value).all()
    assert by_mean[0] < 0 < by_mean[1]


@pytest.mark.parametrize(
    ("law", "least", "most"),
    [
        ("poisson", -1.0, -1.0),
        ("negative_binomial", -7.0, -7.0),
        ("poisson", 1.2, 1.8),
        ("negative_binomial", -np.inf, 5000.0),
        ("log_gaussian", 0.0, 0.0),
        ("log_gaussian", -np.inf, -1.0),
        ("log_gaussian_ar1", 0.0, 0.0),
    ],
)
def test_a_value_that_a_law_cannot_have_is_refused_with_its_period(law, least, most):
    with pytest.raises(DataError, match="period 2") as refused:
        LAWS[law](Series(np.array([1.0, least]), np.array([1.0, most])))
    assert refused.value.row == 2


def test_bounds_out_of_order_are_refused():
    with pytest.raises(DataError, match="period 1 has bounds out of order"):
        Series(np.array([3.0]), np.array([2.0]))


def test_a_law_is_said_with_its_spread_and_poisson_without():
    with pytest.raises(ConfigError, match=r"observation\.spread is None"):
        Observation(likelihood="gaussian", size_sd=0.1, share_sd=0.1)
    with pytest.raises(ConfigError, match=r"observation\.spread is 2"):
        Observation(likelihood="poisson", spread=2.0, size_sd=0.1, share_sd=0.1)
