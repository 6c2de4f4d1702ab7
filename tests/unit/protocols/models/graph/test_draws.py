"""Draws of days by a law of each agent: the same as by each law alone, in no more memory than laws and agents take."""

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from protocols.arithmetic.philox import DrawPurpose, words
from protocols.models.graph.draws import LAW_TOTAL, days, happens

LONGEST = 2**15
WORD = st.integers(0, 2**64 - 1)
N = 20_000


def one(x):
    return np.array([x], dtype=np.uint64)


def stream():
    return words((1, 2), np.arange(N, dtype=np.uint64), DrawPurpose.THRESHOLD)


def days_by(word, law, elapsed=0):
    """Draw by one law."""
    return days(word, np.array([law]), 0, elapsed)


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 6))
def test_days_are_drawn_by_each_agents_own_law(seed, rows, length):
    draw = np.random.default_rng(seed)
    cuts = np.sort(draw.choice([0, 1, 2**31, LAW_TOTAL], (rows, length - 1)), axis=1)  # entries of 0 among them
    laws = np.diff(cuts, prepend=0, append=LAW_TOTAL, axis=1)
    edges = np.array([0, 1, 2**31 - 1, 2**31, LAW_TOTAL - 1], dtype=np.uint64)
    word, row = draw.choice(edges, 50) << np.uint64(32), draw.integers(0, rows, 50)
    wanted = [
        next(d for d in range(length) if int(w >> np.uint64(32)) < laws[r, : d + 1].sum()) + 1
        for w, r in zip(word, row, strict=True)
    ]
    assert days(word, laws, row).tolist() == wanted
    assert days(word[:1], laws, row[0]).tolist() == wanted[:1]


def test_the_longest_laws_take_no_row_of_their_own_for_each_agent():
    laws, n = np.full((2, LONGEST), LAW_TOTAL // LONGEST), 10_000
    word = np.arange(n, dtype=np.uint64) << np.uint64(50)
    tracemalloc.start()
    days(word, laws, np.arange(n) % 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * laws.nbytes


@given(st.lists(st.integers(0, 2**20), min_size=1, max_size=6).filter(any), WORD)
def test_days_invert_the_cumulated_weights(weights, word):
    law = [weight * 2**32 // sum(weights) for weight in weights]
    law[-1] += 2**32 - sum(law)
    top, days = word >> 32, int(days_by(one(word), law)[0])
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
    days = passed + int(days_by(one(word), law, passed)[0])
    assert days > passed
    assert sum(law[passed : days - 1]) <= (word >> 32) * left >> 32 < sum(law[passed:days])
    if not passed:
        assert days == days_by(one(word), law)[0]


def test_nothing_is_left_of_a_law_whose_days_have_passed():
    assert days_by(one(7), (2**31, 2**31, 0), np.array([2])).tolist() == [0]
    assert days_by(one(7), (2**31, 2**31, 0), np.array([9])).tolist() == [0]


def test_days_have_the_law_that_was_asked_for():
    law = (2**30, 0, 2**31, 2**30)
    counts = np.bincount(days_by(stream(), law), minlength=5)
    assert counts[0] == counts[2] == 0
    assert stats.chisquare(counts[[1, 3, 4]], np.array([0.25, 0.5, 0.25]) * N).pvalue > 1e-4


def test_a_day_without_weight_is_never_drawn():
    ends = np.array([0, 2**63 - 1, 2**63, 2**64 - 1], dtype=np.uint64)
    assert days_by(ends, (0, 2**31, 0, 2**31, 0)).tolist() == [2, 2, 4, 4]
    assert days_by(ends, (2**32,)).tolist() == [1, 1, 1, 1]


def test_something_of_weight_zero_never_happens_and_of_full_weight_always():
    ends = np.array([0, 2**64 - 1], dtype=np.uint64)
    assert happens(ends, 0).tolist() == [False, False]
    assert happens(ends, 2**32).tolist() == [True, True]
    assert happens(ends, 1).tolist() == [True, False]


@given(st.integers(0, 2**32), WORD)
def test_something_happens_for_so_many_words_as_it_weighs(weight, word):
    assert happens(one(word), weight)[0] == (word >> 32 < weight)
