"""Additive shares: what k - 1 keys and one vector add up to, and starts that are recognised."""

import numpy as np
import pytest

from protocols.arithmetic.sharing.additive import BLOCK, Additive, keystream, start_of
from protocols.errors import ParameterError


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("d", [0, 1, BLOCK, BLOCK + 1])
def test_shares_add_up_to_the_vector_whatever_its_length(k, d):
    sharing, x = Additive(k), np.arange(d, dtype=np.uint64) * np.uint64(2**61 + 7)
    keys = sharing.keys()
    total = sharing.split(x, keys, round_number=5)
    assert len(set(keys)) == k - 1
    assert d == 0 or not np.array_equal(total, x)
    for key in keys:
        sharing.expand(key, round_number=5, out=total)
    assert np.array_equal(total, x)


def test_two_rounds_have_other_keystreams_and_blocks_are_one_stream():
    words = {number: np.zeros(2 * BLOCK, dtype=np.uint64) for number in (0, 1)}
    for number, out in words.items():
        keystream(bytes(32), nonce=number, out=out)
    assert not np.intersect1d(words[0], words[1]).size
    short = np.zeros(BLOCK + 3, dtype=np.uint64)
    keystream(bytes(32), nonce=0, out=short)
    assert np.array_equal(short, words[0][: short.size])


def test_a_start_is_told_by_all_of_its_keys_and_by_no_order():
    one, other = bytes(32), bytes([1]) * 32
    assert start_of((one, other)) == start_of((other, one)) != start_of((one,))
    assert len(start_of(())) == 16


def test_one_aggregator_is_too_few():
    with pytest.raises(ParameterError, match="at least 2; name another operator"):
        Additive(1)
