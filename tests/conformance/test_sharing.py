"""What every sharing promises, over the oracle and additive sharing for two to five aggregators."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from protocols.arithmetic.sharing import Additive, Clear
from protocols.arithmetic.sharing.additive import BLOCK, KEY_BYTES
from protocols.errors import ParameterError, WrongLength
from tests.repetitions import repetitions

ALL = [Clear(), *(Additive(k) for k in range(2, 6))]
MASKED = ALL[1:]
WORD = st.integers(0, 2**64 - 1)
VECTORS = st.lists(st.lists(WORD, min_size=3, max_size=3), min_size=1, max_size=6)
NUMBER = st.integers(0, 2**32)
each = pytest.mark.parametrize("sharing", ALL, ids=repr)
each_masked = pytest.mark.parametrize("sharing", MASKED, ids=repr)


def words(values):
    return np.array(values, dtype=np.uint64)


def split(sharing, x, keys, *, number=0):
    """Return what all k aggregators hold of x."""
    expanded = [np.zeros_like(x) for _ in keys]
    for key, out in zip(keys, expanded, strict=True):
        sharing.expand(key, round_number=number, out=out)
    return [*expanded, sharing.split(x, keys, round_number=number)]


@each
@given(x=st.lists(WORD, max_size=50), number=NUMBER)
def test_joining_the_shares_returns_the_vector(sharing, x, number):
    np.testing.assert_array_equal(sharing.join(split(sharing, words(x), sharing.keys(), number=number)), words(x))


@each
@given(vectors=VECTORS, number=NUMBER)
def test_sums_of_shares_are_shares_of_sums(sharing, vectors, number):
    held = [split(sharing, words(x), sharing.keys(), number=number) for x in vectors]
    totals = [sum(shares[1:], start=shares[0]) for shares in zip(*held, strict=True)]
    expected = [sum(column) % 2**64 for column in zip(*vectors, strict=True)]
    assert sharing.join(totals).tolist() == expected


@each
def test_a_vector_longer_than_the_buffer_joins(sharing):
    x = np.arange(2 * BLOCK + 5, dtype=np.uint64)
    np.testing.assert_array_equal(sharing.join(split(sharing, x, sharing.keys())), x)


@each
def test_splitting_leaves_the_vector_as_it_was(sharing):
    x = np.arange(5, dtype=np.uint64)
    sharing.split(x, sharing.keys(), round_number=1)
    assert x.tolist() == [0, 1, 2, 3, 4]


@each
def test_joining_leaves_the_shares_as_they_were(sharing):
    shares = [np.full(2, index + 1, dtype=np.uint64) for index in range(sharing.k)]
    sharing.join(shares)
    assert [share.tolist() for share in shares] == [[index + 1] * 2 for index in range(sharing.k)]


@each
def test_joining_another_number_of_shares_is_refused(sharing):
    one = np.zeros(4, dtype=np.uint64)
    for count in (0, sharing.k - 1, sharing.k + 1):
        with pytest.raises(WrongLength, match=f"{sharing.k} shares of one length"):
            sharing.join([one] * count)


@each_masked
def test_joining_shares_of_two_lengths_is_refused(sharing):
    shares = [np.zeros(4, dtype=np.uint64)] * (sharing.k - 1) + [np.zeros(5, dtype=np.uint64)]
    with pytest.raises(WrongLength, match="5"):
        sharing.join(shares)


@each
def test_there_is_one_fresh_key_for_every_aggregator_but_the_last(sharing):
    keys = [*sharing.keys(), *sharing.keys()]
    assert len(keys) == 2 * (sharing.k - 1)
    assert {len(key) for key in keys} <= {KEY_BYTES}
    assert len(set(keys)) == len(keys)


@each_masked
def test_what_key_holders_see_is_byte_identical_whatever_the_vector(sharing):
    keys = sharing.keys()
    one, other = (split(sharing, words(x), keys, number=3) for x in ([0] * 8, [2**64 - 1, *range(7)]))
    assert [share.tobytes() for share in one[:-1]] == [share.tobytes() for share in other[:-1]]


@each_masked
def test_the_last_share_is_uniform_bytes_whatever_the_vector(sharing):
    for x in (np.zeros(8192, dtype=np.uint64), np.ones(8192, dtype=np.uint64), np.full(8192, 2**63, dtype=np.uint64)):
        share = sharing.split(x, sharing.keys(), round_number=0)
        by_position = share.view(np.uint8).reshape(-1, 8)
        for position in range(8):
            counts = np.bincount(by_position[:, position], minlength=256)
            assert stats.chisquare(counts).pvalue > 1e-7


@each_masked
def test_the_last_share_with_all_keys_but_one_is_still_uniform(sharing):
    x = np.zeros(8192, dtype=np.uint64)
    for missing in range(sharing.k - 1):
        held = split(sharing, x, sharing.keys())
        del held[missing]
        view = sum(held[1:], start=held[0]).view(np.uint8)
        assert stats.chisquare(np.bincount(view, minlength=256)).pvalue > 1e-7


@each_masked
def test_two_rounds_and_two_keys_have_streams_with_no_word_in_common(sharing):
    x = np.zeros(BLOCK + 100, dtype=np.uint64)
    shares = [
        sharing.split(x, keys, round_number=number)
        for keys in (sharing.keys(), sharing.keys())
        for number in (0, 1, 2, 2**32)
    ]
    for one, other in itertools.combinations(shares, 2):
        assert np.intersect1d(one, other).size == 0


@each_masked
@settings(max_examples=repetitions(20))
@given(number=NUMBER)
def test_one_round_splits_alike_every_time_so_a_call_can_be_repeated(sharing, number):
    keys, x = sharing.keys(), np.arange(9, dtype=np.uint64)
    assert (
        sharing.split(x, keys, round_number=number).tobytes() == sharing.split(x, keys, round_number=number).tobytes()
    )


@each_masked
def test_expanding_adds_to_what_is_there(sharing):
    key = sharing.keys()[0]
    zero, one = np.zeros(3, dtype=np.uint64), np.ones(3, dtype=np.uint64)
    sharing.expand(key, round_number=0, out=zero)
    sharing.expand(key, round_number=0, out=one)
    np.testing.assert_array_equal(one, zero + np.uint64(1))


@pytest.mark.parametrize("k", [-1, 0, 1])
def test_additive_sharing_for_fewer_than_two_aggregators_is_refused(k):
    with pytest.raises(ParameterError, match=f"got k = {k} aggregators: additive sharing needs at least 2"):
        Additive(k)


def test_the_clear_sharing_has_no_keys_to_expand():
    with pytest.raises(ParameterError, match="no keys"):
        Clear().expand(bytes(32), round_number=0, out=np.zeros(1, dtype=np.uint64))
