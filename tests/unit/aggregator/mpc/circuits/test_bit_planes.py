"""Planes of bits give the numbers back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.mpc.circuits.bit_planes import bits_of, from_planes, to_planes


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=300))
def test_planes_hold_the_bits_and_give_the_numbers_back(numbers: list[int]) -> None:
    words = np.array(numbers, np.uint64)
    planes = to_planes(words)
    assert [bits_of(planes[63 - i], len(words)).tolist() for i in (0, 63)] == [
        [number >> 63 for number in numbers],
        [number & 1 for number in numbers],
    ]
    assert from_planes(planes, len(words)).tolist() == numbers
