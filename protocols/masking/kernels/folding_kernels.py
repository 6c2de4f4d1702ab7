"""What a range proof computes over whole vectors of the field of p**2 elements."""

import abc
from typing import Final

from protocols.arithmetic.fixed_point import U64

ARITY: Final = 4  # of every fold but the first
NODES: Final = 2 * ARITY - 1
SENT: Final = (0, 1, 2, 4, 5, 6)  # the values of a later fold that are sent; that at 3 follows from the claim
WIDEST: Final = 24  # bits of a word that the first fold takes at once


def round_up(size: int) -> int:
    """Return how long a vector of this size is with its padding, for folds by four."""
    return -(-size // ARITY) * ARITY


def shorter(size: int) -> int:
    """Return how long a vector is after a later fold, with its padding."""
    size //= ARITY
    return round_up(size) if size > 1 else 1


class FoldingKernels(abc.ABC):
    """One way to compute; all have the same bytes. Subclasses are final and hold no state."""

    @abc.abstractmethod
    def correlate(self, left: U64, right: U64, rho: U64, *, arity: int) -> U64:
        """Return the sums of rho (left & right moved up by k) for k from 1 - arity to arity - 1, row by row.

        Args:
            left: uint64[g, n], below 2**arity; `right` too.
            right: uint64[g, n].
            rho: uint64[n, 2].
            arity: at most WIDEST.
        Returns:
            uint64[g, 2 arity - 1, 2].
        """

    @abc.abstractmethod
    def powers(self, r: U64, count: int) -> U64:
        """Return the powers of elements from 0 to count - 1, uint64[m, 2] to uint64[m, count, 2]."""

    @abc.abstractmethod
    def evaluate(self, weights: U64, words: U64, rho: U64, *, groups: int) -> U64:
        """Return what the bits of each group of each word weigh, of the first k proofs times rho.

        Args:
            weights: uint64[m, groups * arity, 2], of each bit of a word, for each of m proofs.
            words: uint64[m, n].
            rho: uint64[k, n, 2].
            groups: of a word.
        Returns:
            uint64[m, n * groups, 2].
        """

    @abc.abstractmethod
    def values(self, left: U64, right: U64) -> U64:
        """Return the sum of products of two vectors' cubic polynomials, through each four values, at 0 to 6.

        Args:
            left: uint64[l, 2], l a multiple of four; `right` too.
            right: uint64[l, 2].
        Returns:
            uint64[7, 2].
        """

    @abc.abstractmethod
    def fold(self, x: U64, coefficients: U64) -> U64:
        """Return of each four elements their sum with four coefficients, for each of m vectors.

        Args:
            x: uint64[m, l, 2], l a multiple of four.
            coefficients: uint64[m, 4, 2].
        Returns:
            uint64[m, l / 4, 2].
        """

    @abc.abstractmethod
    def fold_all(self, x: U64, challenges: U64) -> U64:
        """Return what is left of each of m vectors after all later folds, uint64[m, 2]; x is written to.

        Args:
            x: uint64[m, l, 2], l a multiple of four.
            challenges: uint64[m, folds, 2], where the polynomials of each fold are asked.
        """

    @abc.abstractmethod
    def inner_product(self, rho: U64, numbers: U64) -> U64:
        """Return the sum of rho times numbers modulo p, uint64[m, n, 2] and uint64[m, n] to uint64[m, 2]."""

    @abc.abstractmethod
    def claims(self, rows: U64, linear: U64, challenges: U64) -> U64:
        """Return one party's share of the claim after all folds of m proofs, from its share of each row, uint64[m, 2].

        Args:
            rows: uint64[m, sent, 2], fold after fold.
            linear: uint64[m, 2], its part of all linear equations: the coefficient of the first fold that is not sent.
            challenges: uint64[m, folds, 2].
        """
