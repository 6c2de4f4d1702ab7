"""Integers modulo 2**128, against Python's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.arithmetic import wide_ring as ring

EDGES = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**64 - 1, 2**64, 2**127, 2**128 - 1])
WIDE = st.one_of(st.integers(0, 2**128 - 1), EDGES)
NARROW = st.one_of(st.integers(0, 2**64 - 1), EDGES.map(lambda x: x % 2**64))


def wide(x):
    return np.array([[x % 2**64, x >> 64]], dtype=np.uint64)


def integer(x):
    return int(x[0, 0]) + (int(x[0, 1]) << 64)


@given(WIDE, WIDE, NARROW)
def test_sums_and_products_are_those_of_integers(a, b, c):
    word = np.array([c], dtype=np.uint64)
    assert integer(ring.add(wide(a), wide(b))) == (a + b) % 2**128
    assert integer(ring.subtract(wide(a), wide(b))) == (a - b) % 2**128
    assert integer(ring.scale(wide(a), word)) == a * c % 2**128
    assert integer(ring.widen(word)) == c
