"""Bit planes: 64 numbers side by side, so that one machine word carries one bit of each.

Element `e` of `n` lies in word `e % m` at bit `e // m`, with `m = ceil(n / 64)`: packing and unpacking are then
plain reshapes, and 64 x 64 bit matrices are transposed in place.
"""

from typing import Final

import numpy as np

from aggregator.mpc.keystream import I64, U64

WORD: Final = 64
_BLOCK: Final = 512  # columns worked on at a time: 256 KiB, which stays in the cache
_SHIFTS: Final = np.arange(WORD, dtype=np.uint64)[:, None]
_STEPS: Final = tuple(
    (width, np.uint64(width), np.uint64(sum(((1 << width) - 1) << at for at in range(0, WORD, 2 * width))))
    for width in (32, 16, 8, 4, 2, 1)
)


def n_words(n: int) -> int:
    """Return how many words hold one bit of `n` numbers."""
    return -(-n // WORD)


def transpose(matrix: U64) -> None:
    """Transpose, in place, the 64 x 64 bit matrix in each column of uint64[64, m]."""
    m = matrix.shape[1]
    for start in range(0, m, _BLOCK):
        columns = slice(start, min(start + _BLOCK, m))
        for width, shift, mask in _STEPS:
            pairs = matrix.reshape(WORD // (2 * width), 2, width, m)[..., columns]
            low, high = pairs[:, 0], pairs[:, 1]
            swapped = low >> shift
            swapped ^= high
            swapped &= mask
            high ^= swapped
            swapped <<= shift
            low ^= swapped


def to_planes(numbers: U64) -> U64:
    """Return uint64[64, m]: row i holds bit i of uint64[n], zero beyond n."""
    padded = np.zeros(WORD * n_words(len(numbers)), np.uint64)
    padded[: len(numbers)] = numbers
    matrix = padded.reshape(WORD, -1)
    transpose(matrix)
    return matrix


def from_planes(planes: U64, n: int) -> U64:
    """Return uint64[n] whose bit i is in row i of uint64[rows <= 64, m]."""
    matrix = np.zeros((WORD, planes.shape[1]), np.uint64)
    matrix[: len(planes)] = planes
    transpose(matrix)
    return matrix.reshape(-1)[:n]


def bits_of(plane: U64, n: int) -> I64:
    """Return int64[n] of 0 and 1 from one plane uint64[m]."""
    return ((plane >> _SHIFTS) & np.uint64(1)).reshape(-1)[:n].view(np.int64)
