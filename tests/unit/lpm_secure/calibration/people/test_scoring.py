"""Fisher scoring finds the mode of a log-linear series, and replicates correct its bias and its spread."""

import numpy as np
import pytest

from client_sdk.likelihood.laws.poisson import Poisson
from client_sdk.likelihood.series import Series
from lpm_secure.calibration.people.scoring import ScoringPoint, Search, log_derivatives

TIME = np.linspace(0.0, 1.0, 30)
BY_LOG = np.stack([np.ones_like(TIME), TIME], axis=1)


def point(z, values):
    return ScoringPoint.of(z, np.exp(3.0 + BY_LOG @ z), BY_LOG, Poisson(Series.of(values)), spread=1.0)


def searched(values, rounds=12):
    search = Search()
    for _ in range(rounds):
        search = search.after(point(search.next_z(2), values))
    return search


def test_the_mode_has_no_gradient_and_the_search_ends_there():
    values = np.random.default_rng(1).poisson(np.exp(3.0 + BY_LOG @ [0.8, -0.5])).astype(float)
    values[4] = np.nan
    search = searched(values)
    assert search.is_over(0.01)
    assert np.abs(search.best.gradient).max() < 1e-4
    assert search.best.dispersion < 2.0
    assert not Search().is_over(1.0)


def test_a_step_that_makes_it_worse_is_halved_from_the_best_point():
    values = np.full(30, 20.0)
    good, bad = point(np.zeros(2), values), point(np.array([3.0, 0.0]), values)
    search = Search(good).after(bad)
    assert search.best is good
    assert search.share == 0.5
    assert search.next_z(2) == pytest.approx(good.z + 0.5 * good.step)


def test_replicates_that_vary_more_than_their_law_widen_the_posterior_and_move_it():
    values = np.full(30, 20.0)
    best = searched(values).best
    law = np.random.default_rng(2).multivariate_normal(np.zeros(2), best.information, 4_000)
    z, covariance = best.posterior(law)
    assert z == pytest.approx(best.z, abs=0.01)
    inverse = np.linalg.inv(best.precision)
    assert covariance == pytest.approx(inverse, rel=0.1, abs=1e-3)  # scores with the law's own spread change nothing
    moved, wider = best.posterior(3.0 * law + best.precision @ [0.2, 0.0])
    assert moved == pytest.approx(best.z - [0.2, 0.0], abs=0.02)
    assert (np.diag(wider) > 2.0 * np.diag(covariance)).all()
    few, own = best.posterior(np.zeros((0, 2)))
    assert few is best.z
    assert own == pytest.approx(best.covariance)


def test_noise_makes_values_tell_less_and_the_posterior_never_wider_than_the_prior():
    values = np.full(30, 20.0)
    exact, z = searched(values).best, np.zeros(2)
    law = Poisson(Series.of(values))
    noised = ScoringPoint.of(z, np.full(30, 20.0), BY_LOG, law, spread=1.0, noise=60.0)
    alone = ScoringPoint.of(z, np.full(30, 20.0), BY_LOG, law, spread=1.0)
    assert noised.information == pytest.approx(alone.information / 4)  # variance 20 + 60 in place of 20
    draw, flat = np.random.default_rng(3), exact.information
    scores = draw.multivariate_normal(np.zeros(2), flat, 4_000)
    mean, covariance = exact.posterior_under_noise(scores, flat)
    assert mean == pytest.approx(exact.z, abs=0.02)  # as with exact releases, where noise adds nothing
    assert covariance == pytest.approx(np.linalg.inv(exact.precision), rel=0.1, abs=1e-3)
    for times in (10.0, 1e6):
        wide = draw.multivariate_normal(np.zeros(2), times * flat, 4_000)
        mean, covariance = exact.posterior_under_noise(wide, flat)
        told = flat @ np.linalg.inv(times * flat) @ flat
        assert covariance == pytest.approx(np.linalg.inv(told + np.eye(2)), rel=0.1, abs=1e-3)
    assert mean == pytest.approx(np.zeros(2), abs=0.01)  # the prior's
    few, own = exact.posterior_under_noise(np.zeros((2, 2)), flat)
    assert few is exact.z
    assert own == pytest.approx(exact.covariance)


def test_a_value_that_noise_made_negative_tells_no_more_than_others():
    mean, by_z, noise = np.full(30, 20.0), 20.0 * BY_LOG, 9.0
    mean[4] = -3.0
    found = ScoringPoint.of(
        np.zeros(2), mean, log_derivatives(mean, by_z), Poisson(Series.of(np.full(30, 20.0))), spread=1.0, noise=noise
    )
    rest = np.arange(30) != 4
    variance = np.where(rest, 20.0 + noise, noise)
    assert found.information == pytest.approx(by_z.T @ (by_z / variance[:, None]), rel=1e-4)
    assert not Search(found).is_over(0.05)
