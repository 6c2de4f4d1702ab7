"""Noise has the law that it is accounted for by, and comes from the system's randomness."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from protocols.errors import ParameterError
from protocols.releases.mechanism import DiscreteGaussian, RunningNoise, running_sum
from protocols.releases.mechanism.discrete_gaussian import MAX_SIGMA, SMOOTH, _parts, _table
from protocols.releases.mechanism.table import TAIL_BITS, WORD, thresholds

KEY = bytes(range(32))
SAMPLES = 200_000
GOLDEN = [4, 0, 5, -3, 3, 1, -4, -2]  # AES-256-CTR by OpenSSL, and a table whose weights the tests hold to the law
GOLDEN_WIDE = [-1926619, -503743, 358404, 1229962]


def exact(sigma, bound):
    x = np.arange(-bound, bound + 1)
    weight = np.exp(-(x.astype(float) ** 2) / (2 * sigma**2))
    return x, weight / weight.sum()


def fit(samples, sigma):
    """Return the p-value of a chi-square test against the exact law, in bins that expect at least 20."""
    x, law = exact(sigma, math.ceil(12 * sigma) + 2)
    edges, summed = [], 0.0
    for value, weight in zip(x, law, strict=True):
        summed += weight * samples.size
        if summed >= max(20, samples.size / 200):
            edges.append(value)
            summed = 0.0
    bins = np.searchsorted(edges, x)
    expected = np.bincount(bins, law * samples.size, minlength=len(edges) + 1)
    found = np.bincount(np.searchsorted(edges, samples), minlength=len(edges) + 1)
    if expected[-1] < 5:
        expected, found = (np.append(each[:-2], each[-2:].sum()) for each in (expected, found))
    return stats.chisquare(found, expected * (found.sum() / expected.sum())).pvalue


@pytest.mark.parametrize("sigma", [0.3, 1.19, 2.23, 4.22, 31.0, 255.9, 257.0, 361.0, 5_000.0])
def test_samples_have_the_exact_law(sigma):
    assert fit(DiscreteGaussian(sigma).from_key(KEY, SAMPLES), sigma) > 1e-3


def test_the_fit_would_find_another_sigma():
    assert fit(DiscreteGaussian(4.22).from_key(KEY, SAMPLES), 4.30) < 1e-6
    assert fit(np.rint(np.random.default_rng(1).normal(0, 1.19, SAMPLES)).astype(int), 1.19) < 1e-6  # rounded normal


def test_a_table_weighs_every_value_as_the_law_does_to_the_last_bits():
    cuts, values = thresholds(4.22)
    edges = [0, *cuts.tolist(), WORD]
    mass = np.array([(high - low) / WORD for low, high in pairwise(edges)])
    _, law = exact(4.22, int(values[-1]))
    np.testing.assert_allclose(mass, law, atol=2**-52)
    assert exact(4.22, 200)[1][: 200 - int(values[-1])].sum() * 2 < 2.0**-64


def test_tails_reach_as_far_as_a_word_can_tell():
    _, values = thresholds(1.0)
    assert 9 <= values[-1] <= 12  # exp(-x**2 / 2) falls below 2**-66 at 9.6


@pytest.mark.parametrize("sigma", [256.1, 400.0, 1e4, 3e6, 2.0**34, MAX_SIGMA])
def test_a_wide_law_is_a_sum_of_tables_that_leaves_no_grid(sigma):
    parts = _parts(sigma)
    assert sum((factor * each) ** 2 for factor, each in parts) == pytest.approx(sigma**2)
    rest = sigma
    for _, first in parts[:-1]:
        after = math.sqrt(rest**2 - first**2) / 64
        assert first * after / rest >= SMOOTH * 0.999
        rest = after


def test_a_very_wide_law_is_normal_and_has_no_grid_below():
    samples = DiscreteGaussian(2.0**34).from_key(KEY, SAMPLES)
    assert stats.kstest(samples / 2.0**34, "norm").pvalue > 1e-3
    assert stats.chisquare(np.bincount(samples % 64)).pvalue > 1e-3


def tv_bound(sigma):
    """Return how far, at most, the law of one sample is from the exact one, in total variation."""
    tables = [_table(part)[1].size for _, part in _parts(sigma)]
    smoothing = 2 * math.exp(-2 * math.pi**2 * SMOOTH**2) * (len(tables) - 1)
    return sum(tables) * 2.0**-64 + len(tables) * 2.0**-TAIL_BITS + smoothing


def test_the_distance_from_the_exact_law_is_small():
    assert tv_bound(4.22) < 2**-57
    assert tv_bound(2.0**34) < 2**-48


def test_every_call_draws_other_noise_and_a_key_gives_the_same_again():
    law = DiscreteGaussian(50.0)
    assert not np.array_equal(law.sample(100), law.sample(100))
    assert np.array_equal(law.from_key(KEY, 100, stream=3), law.from_key(KEY, 100, stream=3))
    assert not np.array_equal(law.from_key(KEY, 100, stream=3), law.from_key(KEY, 100, stream=4))


def test_noise_of_a_known_key_is_the_same_for_ever():
    assert DiscreteGaussian(4.22).from_key(KEY, 8).tolist() == GOLDEN
    assert DiscreteGaussian(1e6).from_key(KEY, 4).tolist() == GOLDEN_WIDE


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf"), 2.0**57])
def test_a_sigma_out_of_bounds_is_refused(sigma):
    with pytest.raises(ParameterError, match="noise needs"):
        DiscreteGaussian(sigma)


def deviations(noise):
    """Return float64[T], the standard deviation of the noise of each running total, to four digits."""
    f = np.array(running_sum.square_root(noise.steps)) / 2.0**running_sum.GRID
    return noise.sigma * noise.sensitivity / 2.0**running_sum.GRID * np.sqrt(np.cumsum(f**2))


def test_noise_of_running_totals_is_that_of_the_square_root():
    noise = RunningNoise(4.0, 40)
    drawn = np.array([noise.of(noise.gaussian.from_key(KEY, 40, stream=i)) for i in range(3_000)])
    np.testing.assert_allclose(drawn.std(axis=0), deviations(noise), rtol=0.08)


def test_running_totals_at_100_steps_cost_two_and_a_half_times_one_event():
    assert deviations(RunningNoise(1.0, 100))[-1] == pytest.approx(2.5, abs=0.4)
    assert math.sqrt(100) == 10  # what noisy numbers summed up would have


def test_the_noise_of_a_total_needs_no_later_draws():
    noise = RunningNoise(4.0, 30)
    z = noise.gaussian.from_key(KEY, 30)
    assert noise.of(z)[:10].tolist() == noise.of(z[:10]).tolist()


def test_the_factor_times_itself_adds_up():
    from fractions import Fraction

    from protocols.releases.mechanism.running_sum import GRID, square_root

    f = [Fraction(each, 2**GRID) for each in square_root(12)]
    for t in range(12):
        assert float(sum(f[k] * f[t - k] for k in range(t + 1))) == pytest.approx(1, abs=1e-3)
