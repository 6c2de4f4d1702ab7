"""The field of p**2 elements, p = 2**61 - 1: a + b i with i**2 = -1, for whole vectors and for single elements.

-1 is no square modulo p, as p is 3 modulo 4. A vector is uint64[..., 2] of numbers below p; a single element is a pair
of Python integers. Challenges of a proof are drawn here, since parallel repetition modulo p would not multiply its
soundness where they are hashes (Fiat and Shamir).
"""

from functools import lru_cache
from itertools import accumulate
from math import prod
from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import U64

P: Final = 2**61 - 1
Element = tuple[int, int]
ZERO: Final[Element] = (0, 0)
ONE: Final[Element] = (1, 0)
_P: Final = np.uint64(P)
_WIDTH: Final = np.uint64(61)
_LOW: Final = np.uint64(2**32 - 1)
_HALF: Final = np.uint64(32)


def reduce(x: U64) -> U64:
    """Return numbers below 2**64 modulo p."""
    folded = (x & _P) + (x >> _WIDTH)
    reduced: U64 = np.minimum(folded, folded - _P)  # a negative difference wraps to a large one
    return reduced


def add(a: U64, b: U64) -> U64:
    """Return a + b modulo p, element by element."""
    return reduce(a + b)


def subtract(a: U64, b: U64) -> U64:
    """Return a - b modulo p, element by element."""
    return reduce(a + (_P - b))


def scale(a: U64, b: U64) -> U64:
    """Return a b modulo p, number by number.

    With a = a1 2**32 + a0 the product is 8 a1 b1 + (a1 b0 + a0 b1) 2**32 + a0 b0, since 2**64 is 8 modulo p.
    """
    a1, a0, b1, b0 = a >> _HALF, a & _LOW, b >> _HALF, b & _LOW
    cross = a1 * b0 + a0 * b1  # below 2**62
    low = a0 * b0
    middle = (cross >> np.uint64(29)) + ((cross & np.uint64(2**29 - 1)) << _HALF)
    return reduce(((a1 * b1) << np.uint64(3)) + middle + (low & _P) + (low >> _WIDTH))


def multiply(a: U64, b: U64) -> U64:
    """Return the products of two vectors of elements, uint64[..., 2], by three products modulo p (Karatsuba)."""
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    real, imaginary = scale(a0, b0), scale(a1, b1)
    cross = scale(add(a0, a1), add(b0, b1))
    return np.stack([subtract(real, imaginary), subtract(cross, add(real, imaginary))], axis=-1)


def total(x: U64) -> U64:
    """Return the sum modulo p along the first axis of several, of fewer than 2**32 numbers below p each."""
    high, low = (x >> _HALF).sum(axis=0, dtype=np.uint64), (x & _LOW).sum(axis=0, dtype=np.uint64)
    return add(scale(reduce(high), np.array(2**32, dtype=np.uint64)), reduce(low))


def from_words(words: U64) -> U64:
    """Return a number below p for each uniform word of 64 bits; its law is within 2**-60 of the uniform one."""
    return reduce(words >> np.uint64(3))


def element(x: U64) -> Element:
    """Return one element of a vector, uint64[2], as Python integers."""
    return int(x[0]), int(x[1])


def elements(x: U64) -> tuple[Element, ...]:
    """Return all elements of a vector, uint64[m, 2], as Python integers."""
    return tuple((first, second) for first, second in x.tolist())


def vector(elements: tuple[Element, ...]) -> U64:
    """Return uint64[m, 2] of single elements."""
    return np.array(elements, dtype=np.uint64).reshape(-1, 2)


def product(a: Element, b: Element) -> Element:
    """Return the product of two single elements."""
    return (a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P


def plus(*terms: Element) -> Element:
    """Return the sum of single elements."""
    return sum(term[0] for term in terms) % P, sum(term[1] for term in terms) % P


def minus(a: Element, b: Element) -> Element:
    """Return the difference of two single elements."""
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P


@lru_cache(maxsize=256)
def lagrange(r: Element, nodes: int) -> tuple[Element, ...]:
    """Return the coefficients by which values at 0 to nodes - 1 give the value of their polynomial at r."""
    at = [minus(r, (j, 0)) for j in range(nodes)]
    before = list(accumulate(at[:-1], product, initial=ONE))
    after = list(accumulate(at[:0:-1], product, initial=ONE))[::-1]
    return tuple(product(product(*pair), weight) for *pair, weight in zip(before, after, _weights(nodes), strict=True))


@lru_cache(maxsize=16)
def _weights(nodes: int) -> tuple[Element, ...]:
    """Return 1 over the product of i - j over all other nodes j, of each node i."""
    return tuple((pow(prod(i - j for j in range(nodes) if j != i), -1, P), 0) for i in range(nodes))
