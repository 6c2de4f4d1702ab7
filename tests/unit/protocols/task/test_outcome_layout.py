"""Bits that clients are told: shares of them, packed, and what any shares come to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import PartiesDisagree
from protocols.task.outcome_layout import bit_shares, bit_words, join_bits

WORDS = st.integers(0, 2**64 - 1)


@given(bits=st.lists(st.integers(0, 1), max_size=200), k=st.integers(2, 5), seed=st.integers(0, 2**32))
def test_the_lowest_bits_of_additive_shares_are_xor_shares(bits, k, seed):
    shares = np.random.default_rng(seed).integers(0, 2**64, (k, len(bits)), dtype=np.uint64)
    shares[0] = np.array(bits, dtype=np.uint64) - shares[1:].sum(axis=0, dtype=np.uint64)
    packed = [bit_shares(share) for share in shares]
    assert {words.size for words in packed} == {bit_words(len(bits))}
    assert join_bits(packed, len(bits)).tolist() == bits


@given(data=st.data(), n=st.integers(1, 130), k=st.integers(2, 4))
def test_any_words_of_the_right_length_are_bits(data, n, k):
    told = [np.array([data.draw(WORDS) for _ in range(bit_words(n))], dtype=np.uint64) for _ in range(k)]
    if n % 64:
        for words in told:
            words[-1] &= np.uint64(2 ** (n % 64) - 1)
    assert set(join_bits(told, n).tolist()) <= {0, 1}


@given(n=st.integers(1, 130).filter(lambda n: n % 64), word=WORDS, at=st.integers(0, 1))
def test_a_bit_of_no_agent_is_refused_whatever_the_others_are(n, word, at):
    told = [np.zeros(bit_words(n), dtype=np.uint64) for _ in range(2)]
    told[at][-1] = word | 1 << (n % 64)
    with pytest.raises(PartiesDisagree, match=f"more bits than the {n} that there are"):
        join_bits(told, n)


def test_the_first_agent_is_the_lowest_bit():
    assert bit_shares(np.array([1, 2, 5] + [0] * 61 + [7], dtype=np.uint64)).tolist() == [0b101, 1]
