"""The field of p**2 elements, p = 2**61 - 1: a + b i with i**2 = -1, for whole vectors and for single elements.

-1 is no square modulo p, as p is 3 modulo 4. A vector is uint64[..., 2] of numbers below p; a single element is a pair
of Python integers. Challenges of a proof are drawn here, since parallel repetition modulo p would not multiply its
soundness where they are hashes (Fiat and Shamir).
"""

from collections.abc import Sequence
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
BLOCK: Final = 2**14  # words


def reduce(x: U64) -> U64:
    """Return numbers below 2**64 modulo p."""
    folded = (x & _P) + (x >> _WIDTH)
    reduced: U64 = np.minimum(folded, folded - _P)  # a negative difference wraps to a large one
    return reduced


def add(a: U64, b: U64) -> U64:
    """Return a + b modulo p, element by element, of numbers below p."""
    total = a + b
    smaller: U64 = np.minimum(total, total - _P)
    return smaller


def subtract(a: U64, b: U64) -> U64:
    """Return a - b modulo p, element by element, of numbers below p."""
    difference = a - b
    smaller: U64 = np.minimum(difference, difference + _P)
    return smaller


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
    products = scale(_with_sums(a), _with_sums(b))
    real, imaginary, cross = products[..., 0], products[..., 1], products[..., 2]
    out = np.empty((*products.shape[:-1], 2), dtype=np.uint64)
    out[..., 0], out[..., 1] = subtract(real, imaginary), subtract(cross, add(real, imaginary))
    return out


def _with_sums(x: U64) -> U64:
    """Return both numbers of each element, and their sum, uint64[..., 3]."""
    return np.concatenate([x, add(x[..., :1], x[..., 1:])], axis=-1)


def total(x: U64) -> U64:
    """Return the sum modulo p along the first axis of several, of fewer than 2**32 numbers below p each."""
    high, low = (x >> _HALF).sum(axis=0, dtype=np.uint64), (x & _LOW).sum(axis=0, dtype=np.uint64)
    return add(scale(reduce(high), np.array(2**32, dtype=np.uint64)), reduce(low))


def from_words(words: U64, *, out: U64 | None = None) -> U64:
    """Return a number below p for each uniform word of 64 bits; its law is within 2**-60 of the uniform one.

    Args:
        words: uint64[n].
        out: where the numbers go, which may be `words`.
    """
    out = np.empty_like(words) if out is None else out
    for start in range(0, words.size, BLOCK):  # so that no array on the way leaves the cache
        part = out[start : start + BLOCK]
        np.right_shift(words[start : start + BLOCK], np.uint64(3), out=part)
        np.minimum(part, part - _P, out=part)  # a negative difference wraps to a large one
    return out


def element(x: U64) -> Element:
    """Return one element of a vector, uint64[2], as Python integers."""
    return int(x[0]), int(x[1])


def elements(x: U64) -> tuple[Element, ...]:
    """Return all elements of a vector, uint64[m, 2], as Python integers."""
    return tuple(map(tuple, x.tolist()))


def vector(elements: Sequence[Element]) -> U64:
    """Return uint64[m, 2] of single elements."""
    return np.array(elements, dtype=np.uint64).reshape(-1, 2)


def product(a: Element, b: Element) -> Element:
    """Return the product of two single elements."""
    return (a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P


def times(a: Element, b: int) -> Element:
    """Return the product of a single element and a number."""
    return a[0] * b % P, a[1] * b % P


def plus(*terms: Element) -> Element:
    """Return the sum of single elements."""
    return sum(term[0] for term in terms) % P, sum(term[1] for term in terms) % P


def inner_product(a: Sequence[Element], b: Sequence[Element]) -> Element:
    """Return the sum of products of single elements, pair by pair."""
    real = imaginary = 0
    for (a0, a1), (b0, b1) in zip(a, b, strict=True):
        real += a0 * b0 - a1 * b1
        imaginary += a0 * b1 + a1 * b0
    return real % P, imaginary % P


def value_at(coefficients: Sequence[Element], r: Element) -> Element:
    """Return the value of a polynomial at r, from its coefficients, the constant one first."""
    real = imaginary = 0
    for a, b in reversed(coefficients):
        real, imaginary = (real * r[0] - imaginary * r[1] + a) % P, (real * r[1] + imaginary * r[0] + b) % P
    return real, imaginary


def minus(a: Element, b: Element) -> Element:
    """Return the difference of two single elements."""
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P


@lru_cache(maxsize=16)
def powers(r: Element, count: int) -> tuple[Element, ...]:
    """Return the powers of r from 0 to count - 1, of which there is one at least."""
    (a, b), (real, imaginary), out = r, ONE, [ONE]
    for _ in range(count - 1):
        real, imaginary = (real * a - imaginary * b) % P, (real * b + imaginary * a) % P
        out.append((real, imaginary))
    return tuple(out)


@lru_cache(maxsize=256)
def lagrange(r: Element, nodes: int) -> tuple[Element, ...]:
    """Return the coefficients by which values at 0 to nodes - 1 give the value of their polynomial at r."""
    at = [((r[0] - j) % P, r[1]) for j in range(nodes)]
    before = accumulate(at[:-1], product, initial=ONE)
    after = list(accumulate(at[:0:-1], product, initial=ONE))[::-1]
    numerators = map(product, before, after)
    return tuple((x * weight % P, y * weight % P) for (x, y), weight in zip(numerators, weights_of(nodes), strict=True))


@lru_cache(maxsize=16)
def weights_of(nodes: int) -> tuple[int, ...]:
    """Return 1 over the product of i - j over all other nodes j, of each node i."""
    return tuple(pow(prod(i - j for j in range(nodes) if j != i), -1, P) for i in range(nodes))
