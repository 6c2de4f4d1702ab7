"""Products in the field of 2**128 elements by products of integers, whose bits lie too far apart to carry."""

from typing import Final, final

import numpy as np

from aggregator.masking.carry.field_kernels import SHIFTS, FieldKernels, Lines, total
from protocols.arithmetic.fixed_point import U64

_HOLES: Final = 4  # each fourth bit: of 8 of them no sum reaches the next one
_EACH: Final = tuple(np.uint64(0x1111111111111111 << place & 2**64 - 1) for place in range(_HOLES))
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(2**32 - 1)
_BLOCK: Final = 2**12  # elements at a time, which stay in the cache


@final
class NumpyField(FieldKernels):
    """Whole arrays, one operation after the other."""

    def multiply(self, a: U64, b: U64) -> U64:
        """Return the products of elements."""
        out, b = np.empty_like(a), np.broadcast_to(b, a.shape)
        for start in range(0, len(a), _BLOCK):
            block = slice(start, start + _BLOCK)
            out[block] = _multiply(a[block], b[block])
        return out

    def weigh(self, words: U64, elements: U64) -> U64:
        """Return the sum of words times elements."""
        return total(self.multiply(elements, np.stack([words, np.zeros_like(words)], axis=1)))

    def correlate(self, lines: Lines, dealt: U64, weights: U64) -> U64:
        """Return the weighted sums for each shift."""
        sums, count = np.zeros((len(SHIFTS), 2), dtype=np.uint64), len(lines.starts) - 1
        opened, flat = np.empty((count, dealt.shape[1]), dtype=np.uint64), weights.reshape(-1, 2)
        for row, shift in enumerate(SHIFTS):
            moved = dealt << np.uint64(shift) if shift > 0 else dealt >> np.uint64(-shift)
            for line in range(count):
                terms = lines.terms(line)
                np.bitwise_xor.reduce(lines.coefficients[terms] & moved[lines.places[terms]], out=opened[line])
            sums[row] = self.weigh(opened.reshape(-1), flat)
        return sums


def _multiply(a: U64, b: U64) -> U64:
    a0, a1, b0, b1 = a[:, 0], a[:, 1], b[:, 0], b[:, 1]
    low, high, both = _widen(a0, b0), _widen(a1, b1), _widen(a0 ^ a1, b0 ^ b1)
    middle = [both[part] ^ low[part] ^ high[part] for part in (0, 1)]
    return reduce(low[0], low[1] ^ middle[0], high[0] ^ middle[1], high[1])


def reduce(first: U64, second: U64, third: U64, fourth: U64) -> U64:
    """Return polynomials of 256 coefficients, given as words, as elements: uint64[m, 2]."""
    second, third = second ^ _times_rest(fourth), third ^ _carried(fourth)
    return np.stack([first ^ _times_rest(third), second ^ _carried(third)], axis=-1)


def _times_rest(x: U64) -> U64:
    out: U64 = x ^ x << np.uint64(1) ^ x << np.uint64(2) ^ x << np.uint64(7)
    return out


def _carried(x: U64) -> U64:
    out: U64 = x >> np.uint64(63) ^ x >> np.uint64(62) ^ x >> np.uint64(57)
    return out


def _widen(a: U64, b: U64) -> tuple[U64, U64]:
    """Return the carry-less product of two words as two."""
    a0, a1, b0, b1 = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    low, high = _halves(a0, b0), _halves(a1, b1)
    middle = _halves(a0 ^ a1, b0 ^ b1) ^ low ^ high
    return low ^ middle << _HALF, high ^ middle >> _HALF


def _halves(a: U64, b: U64) -> U64:
    """Return the carry-less product of two numbers of 32 bits."""
    left, right = ([each & mask for mask in _EACH] for each in (a, b))
    out = np.zeros_like(a)
    for place, mask in enumerate(_EACH):
        summed = left[0] * right[place]
        for other in range(1, _HOLES):
            summed ^= left[other] * right[(place - other) % _HOLES]
        out |= summed & mask
    return out
