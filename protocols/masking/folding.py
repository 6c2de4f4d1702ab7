"""The inner product in the proof of ranges, and how it is folded: first a whole group of bits at once, then by four.

A word x below 2**b travels as d = x + pad modulo 2**w, with k = 1 where the sum wrapped, and its bits as
E = (x | k << b) XOR A. What XORs to bits *is* bits; x_j = E_j + A_j - 2 E_j A_j. That they are the bits of this word
is one linear equation a word, and with a random rho one in all:

    sum_i rho_i sum_j W_j E_ij A_ij  =  S(E, d) + S'(A, pad)         W_j = 2**(j+1), W_b = -2**(w+1)

On the left stands an inner product of a vector that both aggregators know (of E and rho) and one that the dealer
knows (of A); the client knows both. Both sides are below 2**60 for a single word, so equal modulo p is equal.

The first fold takes the m bits of a group as U(X) = sum_j W_j E_j X**j and V(X) = sum_j A_j X**(m-1-j): the inner
product is the coefficient of X**(m-1) of U V. Coefficients are sums of 2**j E_j A_(j-k), which is a number too:
E & (A << k). All others of a sum of such products are sent, the one follows from the claim, and the next claim is the
value at a random r; a polynomial of degree 2 m - 2 that is another one has the same value with probability
(2 m - 2) / p**2. What a norm multiplies (`norm.py`) stands in the coefficient of X**(m-1) alone. Later folds take the
cubic polynomials through each four values, and send values at 0 to 6 but 3.

Source: Boneh, Boyle, Corrigan-Gibbs, Gilboa, Ishai, Zero-knowledge proofs on secret-shared data via fully linear PCPs
    (Crypto 2019), section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, final

import numpy as np

from protocols.arithmetic.extension_field import (
    Element,
    elements,
    lagrange,
    reduce,
    scale,
    total,
    vector,
)
from protocols.arithmetic.extension_field import P as PRIME
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ParameterError
from protocols.masking.kernels.choice import kernels_for
from protocols.masking.kernels.folding_kernels import ARITY, SENT, WIDEST, round_up, shorter
from protocols.masking.norm import HALVES, NormBound
from protocols.masking.words import U8, WIDTH, count_bytes

NONE: Final = np.zeros((0, 2), dtype=np.uint64)
NO_FACTORS: Final = np.zeros((0, 0, 2), dtype=np.uint64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ProofShape:
    """What the ranges of a round's words fix of its proof, and the bound of their norm where there is one.

    Attributes:
        bits: uint8[n], of how many bits each word is; 0 where it must be zero.
        norm: the bound; the last words are then the halves of its slack.
        width: the most bits of any word, or more: as many as whole bytes of E have beside the wrap bit, so that proofs
            of clients of different sizes fold side by side.
        masks: uint64[n], which bits of E each word has: those of its range, and the wrap bit of what can wrap.
        groups: of bits, of each word with its wrap bit.
        arity: bits of a group, which the first fold takes together.
        length: of the vectors after the first fold, a mask and padding included.
        rounds: number of folds, each a row of the proof.
    """

    bits: U8 = field(repr=False)
    norm: NormBound | None
    width: int
    masks: U64 = field(repr=False)
    groups: int
    arity: int
    length: int
    rounds: int

    @classmethod
    def of(cls, bits: U8, norm: NormBound | None = None) -> "ProofShape":
        """Derive the shape, of words of so many bits, or of the entries of a vector.

        Raises:
            ParameterError: a word of more than 57 bits.
        """
        if norm is not None:
            bits = np.array([norm.bits] * norm.entries + [norm.half] * HALVES, dtype=np.uint8)
        width = int(bits.max(initial=0))
        if width >= WIDTH:
            raise ParameterError(f"got a word of {width} bits; a masked word is of {WIDTH - 1} bits at most")
        if norm is None:
            width = min(8 * count_bytes(width + 1, 1), WIDTH) - 1
        groups, products = -(-(width + 1) // WIDEST), 0 if norm is None else norm.entries
        length = round_up((bits.size + products) * groups + products + 1)
        rounds, size = 1, length
        while size > 1:
            rounds, size = rounds + 1, shorter(size)
        return cls(bits, norm, width, _masks(bits, norm, width), groups, -(-(width + 1) // groups), length, rounds)

    @property
    def n(self) -> int:
        """Return the number of words."""
        return self.bits.size

    @property
    def folds(self) -> tuple[int, int]:
        """Return what proofs have in common that are folded side by side: the width, and the number of folds."""
        return self.width, self.rounds

    @property
    def terms(self) -> int:
        """Return how many linear equations there are: one a word, and one for the leading bits of an entry."""
        return self.n + self.products

    @property
    def words(self) -> int:
        """Return how many words are masked modulo 2**58: all, or the entries."""
        return self.n if self.norm is None else self.norm.entries

    @property
    def numbers(self) -> int:
        """Return how many numbers are told modulo p for the norm."""
        return 0 if self.norm is None else self.norm.count

    @property
    def products(self) -> int:
        """Return how many of these are multiplied: the leading bits of each entry."""
        return 0 if self.norm is None else self.norm.entries

    def spread(self, bits: U64) -> U64:
        """Return the bits in each linear equation, of E or of its masks, uint64[terms]."""
        if self.norm is None:
            return bits
        n = self.norm.entries
        return np.concatenate([bits[:n], self.norm.leading(bits), bits[n:]])

    @property
    def sent(self) -> int:
        """Return of how many elements all rows of a proof are."""
        return 2 * (self.arity - 1) + len(SENT) * (self.rounds - 1)

    def rows(self, elements: U64) -> list[U64]:
        """Return views of the rows of a proof, uint64[sent, 2], fold by fold."""
        first, step = 2 * (self.arity - 1), len(SENT)
        return [elements[:first], *(elements[start : start + step] for start in range(first, self.sent, step))]


def _masks(bits: U8, norm: NormBound | None, width: int) -> U64:
    own = np.array([(1 << each) - 1 for each in range(width + 1)], dtype=np.uint64)
    masks: U64 = (own | np.uint64(1 << width))[bits]
    if norm is not None:
        masks[norm.entries :] = own[bits[norm.entries :]]  # told modulo p, and not modulo 2**58
    return masks


def _weights(shape: ProofShape, at_r: U64, known: int) -> U64:
    """Return what each bit weighs in its group at r: of E W_j r**m, 0 beyond the word, and of A r**(arity - 1 - m).

    Args:
        shape: of all proofs.
        at_r: uint64[m, arity, 2], the powers of r, of each proof.
        known: of how many, the first ones, E is weighed.
    Returns:
        uint64[m, groups * arity, 2].
    """
    out = np.empty((len(at_r), shape.groups, shape.arity, 2), dtype=np.uint64)
    if known:
        out[:known] = scale(at_r[:known, None], _worth(shape.width, shape.groups, shape.arity))
    out[known:] = at_r[known:, None, ::-1]
    return out.reshape(len(at_r), -1, 2)


@lru_cache(maxsize=64)
def _worth(width: int, groups: int, arity: int) -> U64:
    """Return W of each bit of a word, and of its wrap bit, modulo p, uint64[groups, arity, 1]; behind them zeros."""
    worth = [*(pow(2, j + 1, PRIME) for j in range(width)), -pow(2, WIDTH + 1) % PRIME]
    return np.array(worth + [0] * (groups * arity - len(worth)), dtype=np.uint64).reshape(groups, arity, 1)


@lru_cache(maxsize=64)
def _rows_of(width: int, groups: int, arity: int) -> tuple[U64, U64, U64]:
    """Return of each group of a word, and of the wrap bit by itself, where it begins, its bits, and their worth."""
    starts = [arity * group for group in (*range(groups), groups - 1)]
    masks = [(1 << min(arity, width - start)) - 1 for start in starts[:-1]] + [1 << width - starts[-1]]
    at_wrap = -pow(2, WIDTH + 1 - width + starts[-1], PRIME) % PRIME
    worth = [pow(2, start + 1, PRIME) for start in starts[:-1]] + [at_wrap]
    of_starts, of_masks, of_worth = (np.array(each, dtype=np.uint64)[:, None] for each in (starts, masks, worth))
    return of_starts, of_masks, of_worth[..., None]


def first_coefficients(shape: ProofShape, e: U64, a: U64, rho: U64) -> U64:
    """Return the coefficients of the first polynomial but the one that follows, uint64[2 (arity - 1), 2]."""
    arity = shape.arity
    starts, masks, worth = _rows_of(shape.width, shape.groups, arity)
    left, right = e >> starts & masks, a >> starts & np.uint64((1 << arity) - 1)
    out = total(scale(kernels_for(shape.n).correlate(left, right, rho, arity=arity), worth))
    return np.concatenate([out[: arity - 1], out[arity:]])


def first_fold(
    shapes: Sequence[ProofShape],
    challenges: Sequence[Element],
    bits: Sequence[U64],
    rho: Sequence[U64],
    behind: Sequence[U64],
) -> U64:
    """Return the vectors of proofs side by side after the first fold, uint64[m, length, 2], zeros behind the shorter.

    Args:
        shapes: of the proofs, all of the same groups, arity and number of rounds.
        challenges: r, of each.
        bits: uint64[terms], of each: of the first ones E, of the others A.
        rho: uint64[terms, 2], of each of the first ones.
        behind: uint64[l, 2], what stands behind the terms of each.
    """
    words, shape = stack(bits), shapes[0]
    groups, kernels = shape.groups, kernels_for(words.size)
    at_r = kernels.powers(vector(challenges), shape.arity)
    weights = _weights(shape, at_r, len(rho))
    folded = kernels.evaluate(weights, words, stack(rho) if rho else NO_FACTORS, groups=groups)
    out = np.zeros((len(shapes), max(shape.length for shape in shapes), 2), dtype=np.uint64)
    for own, each, shape, rest in zip(out, folded, shapes, behind, strict=True):
        size = shape.terms * groups
        own[:size], own[size : size + len(rest)] = each[:size], rest
    return out


def stack(arrays: Sequence[U64]) -> U64:
    """Return arrays side by side, uint64[m, ...], with zeros behind the shorter ones; of a single one, a view."""
    if len(arrays) == 1:
        return arrays[0][None]
    out = np.zeros((len(arrays), max(map(len, arrays)), *arrays[0].shape[1:]), dtype=np.uint64)
    for own, each in zip(out, arrays, strict=True):
        own[: len(each)] = each
    return out


def values(left: U64, right: U64) -> U64:
    """Return the polynomial of a later fold at the nodes that are sent, uint64[6, 2]."""
    at_nodes: U64 = kernels_for(len(left)).values(left, right)[list(SENT)]
    return at_nodes


def fold(x: U64, r: Element) -> U64:
    """Return the values at r of the cubic polynomials through each four values of m vectors, padded for the next fold.

    Of uint64[m, l, 2], which is one vector of m l elements, as l is a multiple of four.
    """
    m, size = x.shape[:2]
    out = np.zeros((m, shorter(size), 2), dtype=np.uint64)
    folded = kernels_for(m * size).fold(x.reshape(1, -1, 2), vector(lagrange(r, ARITY))[None])
    out[:, : size // ARITY] = folded.reshape(m, -1, 2)
    return out


def linear_sides(shape: ProofShape, bits: U64, words: U64, rho: U64, *, sign: int) -> tuple[Element, ...]:
    """Return one party's part of the right side, of m proofs: of (E, d) with sign -1, of (A, pad) with sign 1.

    Args:
        shape: of one of the proofs, whose width is that of all.
        bits: uint64[m, n].
        words: uint64[m, n].
        rho: uint64[m, n, 2].
        sign: of the words.
    """
    side = bits & np.uint64((1 << shape.width) - 1)
    side += np.uint64(2 * PRIME)  # so that nothing is negative: words are below 2**61, and what is left out 2**58
    side -= bits >> np.uint64(shape.width) << np.uint64(WIDTH)
    side = side + words if sign > 0 else side - words
    return elements(kernels_for(bits.size).inner_product(rho, reduce(side)))
