"""Integers modulo 2**128, for whole vectors: uint64[..., 2], the low word first."""

from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import U64

_LOW: Final = np.uint64(2**32 - 1)
_HALF: Final = np.uint64(32)


def widen(low: U64) -> U64:
    """Return numbers below 2**64 as words of this ring."""
    return np.stack([low, np.zeros_like(low)], axis=-1)


def add(a: U64, b: U64) -> U64:
    """Return a + b."""
    low = a[..., 0] + b[..., 0]
    carry = (low < b[..., 0]).astype(np.uint64)
    return np.stack([low, a[..., 1] + b[..., 1] + carry], axis=-1)


def subtract(a: U64, b: U64) -> U64:
    """Return a - b."""
    borrow = (a[..., 0] < b[..., 0]).astype(np.uint64)
    return np.stack([a[..., 0] - b[..., 0], a[..., 1] - b[..., 1] - borrow], axis=-1)


def scale(a: U64, b: U64) -> U64:
    """Return a b, for b below 2**64: uint64[..., 2] and uint64[...]."""
    low, high = a[..., 0], a[..., 1]
    return np.stack([low * b, high_word(low, b) + high * b], axis=-1)


def high_word(a: U64, b: U64) -> U64:
    """Return the high 64 bits of the products of numbers below 2**64."""
    a1, a0, b1, b0 = a >> _HALF, a & _LOW, b >> _HALF, b & _LOW
    cross = a1 * b0 + (a0 * b0 >> _HALF)
    middle = a0 * b1 + (cross & _LOW)
    high: U64 = a1 * b1 + (cross >> _HALF) + (middle >> _HALF)
    return high
