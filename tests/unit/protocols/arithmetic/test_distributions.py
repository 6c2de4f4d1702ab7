"""From random words to numbers, with the same bits everywhere."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from protocols.arithmetic import distributions
from protocols.arithmetic.philox import DrawPurpose, words
from protocols.errors import ParameterError

WORD = st.integers(0, 2**64 - 1)
BOUND = 4e-16
N = 20_000


def one(x, dtype=np.uint64):
    return np.array([x], dtype=dtype)


def stream(purpose=DrawPurpose.THRESHOLD, *, step=0, n=N, key=(1, 2)):
    return words(key, np.arange(n, dtype=np.uint64), purpose, step=step)


@given(st.floats(2.0**-1022, 2.0**1000))
def test_the_logarithm_is_within_its_bound_of_the_true_one(x):
    with mpmath.workprec(200):
        true = mpmath.log(mpmath.mpf(x))
        assert abs(mpmath.mpf(float(distributions.log(one(x, float))[0])) - true) <= BOUND * max(1, abs(true))


@given(WORD)
def test_the_logarithm_is_within_its_bound_where_thresholds_are_drawn(word):
    u = distributions.uniform(one(word))
    with mpmath.workprec(200):
        true = mpmath.log(mpmath.mpf(float(u[0])))
        assert abs(mpmath.mpf(float(distributions.log(u)[0])) - true) <= BOUND * max(1, abs(true))


def test_the_logarithm_agrees_with_numpy_over_many_numbers():
    x = distributions.uniform(stream())
    assert (np.abs(distributions.log(x) - np.log(x)) <= 2 * BOUND * np.maximum(1, np.abs(np.log(x)))).all()


def test_the_logarithm_of_one_is_zero_and_of_powers_of_two_multiples_of_ln_2():
    assert distributions.log(one(1.0, float))[0] == 0.0
    exponents = np.arange(-1022, 1000)
    np.testing.assert_array_equal(distributions.log(2.0**exponents), exponents * distributions.LN2)


@given(WORD)
def test_a_uniform_draw_is_an_odd_multiple_of_two_to_the_minus_53(word):
    u = float(distributions.uniform(one(word))[0])
    assert 0.0 < u < 1.0
    assert (u * 2**53) % 2 == 1


@pytest.mark.parametrize(("word", "u"), [(0, 2.0**-53), (2**64 - 1, 1 - 2.0**-53), (2**63, 0.5 + 2.0**-53)])
def test_uniform_draws_never_reach_zero_or_one(word, u):
    assert distributions.uniform(one(word))[0] == u


def test_the_largest_exponential_draw_is_below_what_models_reckon_with():
    from protocols.models.graph.draws import LARGEST

    assert 36 < distributions.exponential(one(0))[0] < LARGEST
    assert distributions.exponential(one(2**64 - 1))[0] > 0


def test_uniform_and_exponential_draws_have_their_laws():
    assert stats.kstest(distributions.uniform(stream()), "uniform").pvalue > 1e-4
    assert stats.kstest(distributions.exponential(stream(step=1)), "expon").pvalue > 1e-4


@pytest.mark.parametrize("law", [(), (2**32 - 1,), (2**32, 1), (-1, 2**32 + 1)], ids=repr)
def test_a_law_that_does_not_add_up_is_refused(law):
    with pytest.raises(ParameterError, match=r"^latent: .* add up to 2\*\*32$"):
        distributions.check_law(law, "latent")
