"""The L2 bound of a vector, as a client proves it beside the ranges of its entries.

An entry x stands as y = x + 2**(b - 1) with b bits. Its leading bits h = y >> s are told once more as f = h + g modulo
p, g a pad of the dealer's, and so is t, by how much the sum of squares stays below the bound, in two halves. That the
bits of E are those of h and t are linear equations like those of the ranges; the norm is one more,

    sum_i h_i (h_i - K) + t = L  modulo p,    K = 2**(b - s) - 1, or 2**b where s = 0

whose left side takes the products f_i g_i into the inner product. (2 h - K) / 2 is x in units of 2**s, off by a half at
most, or x itself where s = 0. All of it is below p in absolute value, so the equation holds of integers too.

Security: a vector within the bound always passes. One that passes has a norm of `largest` at most, which is the bound
    where s = 0: s bits are dropped of vectors so long that their squares would add up to p.
"""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from protocols.arithmetic.extension_field import P, scale, total
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ParameterError

HALVES: Final = 2  # of the slack, so that it has no more bits than an entry


@final
@dataclass(frozen=True, slots=True)
class NormBound:
    """What a round's shape fixes of the equation of a norm.

    Attributes:
        entries: n.
        squares: the bound of the sum of squares, in units of the last place.
        bits: b of an entry, from -2**(b - 1) to 2**(b - 1) - 1.
        dropped: s, low bits that do not count.
        total: L.
        half: bits of each half of the slack.
    """

    entries: int
    squares: int
    bits: int
    dropped: int
    total: int
    half: int

    @classmethod
    def of(cls, entries: int, squares: int) -> "NormBound":
        """Derive the equation that drops as few bits as fit.

        Raises:
            ParameterError: none fits, which takes more entries than any message has.
        """
        bits = max(math.isqrt(squares), 1).bit_length() + 1
        for dropped in range(bits - 1):
            scaled = _quadruple(entries, squares, dropped)
            center = _center(bits, dropped)
            half = -(-(scaled // 4 + 1).bit_length() // HALVES)
            if entries * center**2 // 4 + scaled // 4 + 2 ** (HALVES * half) + 2 < P:
                return cls(entries, squares, bits, dropped, (scaled - entries * center**2) // 4, half)
        raise ParameterError(f"the norm of {entries} numbers cannot be proved; take fewer to a vector")

    @property
    def center(self) -> int:
        """Return K, twice the value of h that stands for 0."""
        return _center(self.bits, self.dropped)

    @property
    def count(self) -> int:
        """Return how many numbers are told modulo p: of each entry its leading bits, and the halves of the slack."""
        return self.entries + HALVES

    @property
    def largest(self) -> float:
        """Return the largest norm of a vector that passes, in units of the last place."""
        if not self.dropped:
            return math.sqrt(self.squares)
        root = math.sqrt(4 * self.total + self.entries * self.center**2)
        return float(2.0 ** (self.dropped - 1)) * (root + math.sqrt(self.entries))

    def leading(self, bits: U64) -> U64:
        """Return the leading bits of entries, of E or of what masks it, uint64[n]."""
        mask = np.uint64(2 ** (self.bits - self.dropped) - 1)
        return bits[: self.entries] >> np.uint64(self.dropped) & mask

    def numbers(self, y: U64) -> U64:
        """Return what a client tells modulo p, in the clear, uint64[n + 2]; of no vector within the bound, anything.

        Args:
            y: uint64[n], its entries above the lowest one; bits beyond the range are cut.
        """
        h = self.leading(y).view(np.int64)
        slack = self.total - int((h * (h - self.center)).sum())  # partial sums are below p
        mask = 2**self.half - 1
        halves = [slack >> self.half * place & mask for place in range(HALVES)]
        return np.concatenate([h.view(np.uint64), np.array(halves, dtype=np.uint64)])

    def side(self, numbers: U64, *, sign: int) -> int:
        """Return one party's part of the equation's right side: of f with sign -1, of g with sign 1.

        From (f - g) in place of each number: 2 sum f g = sum f**2 - K sum f + slack of f - L + sum g**2 + K sum g -
        slack of g.
        """
        h, (low, high) = numbers[: self.entries], map(int, numbers[self.entries :])
        squares = int(total(scale(h, h)[:, None])[0])
        linear = self.center * int(total(h[:, None])[0]) - low - (high << self.half)
        side: int = (squares + sign * linear - (self.total if sign < 0 else 0)) % P
        return side


def _center(bits: int, dropped: int) -> int:
    return (1 << bits - dropped) - bool(dropped)


def _quadruple(entries: int, squares: int, dropped: int) -> int:
    """Return a bound on the sum of (2 h - K)**2 of a vector within its bound, rounded up.

    Of a norm R it is (2 R / 2**s + sqrt(n))**2: each h is off by a half at most.
    """
    scaled = 4 * squares >> 2 * dropped
    if not dropped:
        return scaled
    return scaled + 2 + math.isqrt((16 * squares * entries >> 2 * dropped) + 1) + entries
