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


@given(st.lists(st.integers(0, 2**20), min_size=1, max_size=6).filter(any), WORD)
def test_days_invert_the_cumulated_weights(weights, word):
    law = [weight * 2**32 // sum(weights) for weight in weights]
    law[-1] += 2**32 - sum(law)
    top, days = word >> 32, int(distributions.days(one(word), tuple(law))[0])
    assert sum(law[: days - 1]) <= top < sum(law[:days])


@given(
    weights=st.lists(st.integers(0, 2**20), min_size=2, max_size=12).filter(sum),
    word=st.integers(0, 2**64 - 1),
    data=st.data(),
)
def test_days_over_some_that_have_passed_invert_what_is_left_of_the_law(weights, word, data):
    law = [weight * (2**32 // sum(weights)) for weight in weights]
    law[int(np.argmax(weights))] += 2**32 - sum(law)
    passed = data.draw(st.integers(0, int(np.flatnonzero(law)[-1])))
    left = 2**32 - sum(law[:passed])
    days = int(distributions.days(one(word), tuple(law), over=np.array([passed]))[0])
    assert days > passed
    assert sum(law[passed : days - 1]) <= (word >> 32) * left >> 32 < sum(law[passed:days])
    if not passed:
        assert days == distributions.days(one(word), tuple(law))[0]


def test_nothing_is_left_of_a_law_whose_days_have_passed():
    with pytest.raises(
        ParameterError, match="a law of at most 3 days has nothing left after the days that have passed"
    ):
        distributions.days(one(7), (2**31, 2**31, 0), over=np.array([2]))


def test_days_have_the_law_that_was_asked_for():
    law = (2**30, 0, 2**31, 2**30)
    counts = np.bincount(distributions.days(stream(), law), minlength=5)
    assert counts[0] == counts[2] == 0
    assert stats.chisquare(counts[[1, 3, 4]], np.array([0.25, 0.5, 0.25]) * N).pvalue > 1e-4


def test_a_day_without_weight_is_never_drawn():
    ends = np.array([0, 2**63 - 1, 2**63, 2**64 - 1], dtype=np.uint64)
    assert distributions.days(ends, (0, 2**31, 0, 2**31, 0)).tolist() == [2, 2, 4, 4]
    assert distributions.days(ends, (2**32,)).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("law", [(), (2**32 - 1,), (2**32, 1), (-1, 2**32 + 1)], ids=repr)
def test_a_law_that_does_not_add_up_is_refused(law):
    with pytest.raises(ParameterError, match=r"^latent: .* add up to 2\*\*32$"):
        distributions.check_law(law, "latent")


def test_something_of_weight_zero_never_happens_and_of_full_weight_always():
    ends = np.array([0, 2**64 - 1], dtype=np.uint64)
    assert distributions.happens(ends, 0).tolist() == [False, False]
    assert distributions.happens(ends, 2**32).tolist() == [True, True]
    assert distributions.happens(ends, 1).tolist() == [True, False]


@given(st.integers(0, 2**32), WORD)
def test_something_happens_for_so_many_words_as_it_weighs(weight, word):
    assert distributions.happens(one(word), weight)[0] == (word >> 32 < weight)


def test_a_draw_depends_on_key_agent_purpose_and_step_and_on_nothing_else():
    agents = np.array([5, 2**40, 2**63 - 1], dtype=np.uint64)
    whole = words((1, 2), agents, DrawPurpose.LATENT, step=3)
    for index in (2, 0, 1):
        assert words((1, 2), agents[[index]], DrawPurpose.LATENT, step=3)[0] == whole[index]
    others = [
        words((2, 2), agents, DrawPurpose.LATENT, step=3),
        words((1, 3), agents, DrawPurpose.LATENT, step=3),
        words((1, 2), agents + np.uint64(1), DrawPurpose.LATENT, step=3),
        words((1, 2), agents, DrawPurpose.INFECTIOUS, step=3),
        words((1, 2), agents, DrawPurpose.LATENT, step=4),
    ]
    assert all((other != whole).all() for other in others)


def test_the_number_of_a_purpose_is_given_once_and_for_all():
    assert {purpose.name: int(purpose) for purpose in DrawPurpose} == {
        "THRESHOLD": 1,
        "LATENT": 2,
        "INFECTIOUS": 3,
        "INITIAL": 4,
        "CELL": 5,
        "WANING": 6,
        "SEED": 7,
        "DOSE": 8,
    }
