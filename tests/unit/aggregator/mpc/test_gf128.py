"""The field of 2**128 elements: its laws, and its polynomial."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.mpc.gf128 import BITS, multiply

ELEMENTS = st.integers(0, 2**BITS - 1)


def element(number):
    return np.frombuffer(number.to_bytes(16, "little"), "<u8").astype(np.uint64)


def times(x, y):
    return int.from_bytes(multiply(element(x), element(y)).tobytes(), "little")


@given(ELEMENTS, ELEMENTS, ELEMENTS)
def test_products_are_commutative_associative_and_linear(x, y, z):
    assert times(x, y) == times(y, x)
    assert times(times(x, y), z) == times(x, times(y, z))
    assert times(x, y ^ z) == times(x, y) ^ times(x, z)
    assert (times(x, 1), times(x, 0)) == (x, 0)


@given(ELEMENTS.filter(bool))
def test_every_element_but_zero_has_an_inverse(x):
    """Fermat: x**(2**128 - 2) x = 1. A reducible polynomial would have zero divisors."""
    inverse, square = 1, x
    for _ in range(BITS - 1):
        square = times(square, square)
        inverse = times(inverse, square)
    assert times(inverse, x) == 1


def test_the_polynomial_is_that_of_gcm():
    """Source: NIST SP 800-38D, 6.3: x**128 = x**7 + x**2 + x + 1."""
    assert times(2, 1 << 127) == 0b10000111
