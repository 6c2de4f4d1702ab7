"""What a range proof computes over whole vectors of the field of p**2 elements."""

import abc
from typing import Final

from protocols.arithmetic.fixed_point import U64

ARITY: Final = 4  # of every fold but the first
NODES: Final = 2 * ARITY - 1
CHUNK: Final = 6  # bits that are looked up at once
WIDEST: Final = 24  # bits of a word that the first fold takes at once


class FoldingKernels(abc.ABC):
    """One way to compute; all have the same bytes. Subclasses are final and hold no state."""

    @abc.abstractmethod
    def correlate(self, left: U64, right: U64, rho: U64, *, arity: int) -> U64:
        """Return the sums of rho (left & right moved up by k) for k from 1 - arity to arity - 1.

        Args:
            left: uint64[n], below 2**arity; `right` too.
            right: uint64[n].
            rho: uint64[n, 2].
            arity: at most WIDEST.
        Returns:
            uint64[2 arity - 1, 2].
        """

    @abc.abstractmethod
    def look_up(self, tables: U64, words: U64, rho: U64 | None, *, bits: int) -> U64:
        """Return what each group of each word's bits comes to, times rho where it is given, uint64[n * groups, 2].

        Args:
            tables: uint64[groups, chunks, 2**CHUNK, 2], what each chunk of a group is worth.
            words: uint64[n].
            rho: uint64[n, 2], or None.
            bits: of a group.
        """

    @abc.abstractmethod
    def values(self, left: U64, right: U64) -> U64:
        """Return the sum of products of two vectors' cubic polynomials, through each four values, at 0 to 6.

        Args:
            left: uint64[m, 2], m a multiple of four; `right` too.
            right: uint64[m, 2].
        Returns:
            uint64[7, 2].
        """

    @abc.abstractmethod
    def fold(self, x: U64, coefficients: U64) -> U64:
        """Return of each four elements their sum with four coefficients, uint64[m, 2] to uint64[m / 4, 2]."""

    @abc.abstractmethod
    def inner_product(self, rho: U64, numbers: U64) -> U64:
        """Return the sum of rho times numbers modulo p, uint64[n, 2] and uint64[n] to uint64[2]."""
