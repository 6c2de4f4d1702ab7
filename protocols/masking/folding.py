"""The inner product in the proof of ranges, and how it is folded by four.

A word x below 2**b travels as d = x + pad modulo 2**w, with k = 1 where the sum wrapped, and its bits as
E = (x | k << b) XOR A. What XORs to bits *is* bits; x_j = E_j + A_j - 2 E_j A_j. That they are the bits of this word
is one linear equation a word, and with a random rho one in all:

    sum_i rho_i sum_j W_j E_ij A_ij  =  S(E, d) + S'(A, pad)         W_j = 2**(j+1), W_b = -2**(w+1)

On the left stands an inner product of a vector that both aggregators know (of E and rho) and one that the dealer
knows (of A); the client knows both. Both sides are below 2**60 for a single word, so equal modulo p is equal.

Source: Boneh, Boyle, Corrigan-Gibbs, Gilboa, Ishai, Zero-knowledge proofs on secret-shared data via fully linear PCPs
    (Crypto 2019), section 4.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, final

import numpy as np

from protocols.arithmetic.extension_field import (
    Element,
    add,
    element,
    lagrange,
    multiply,
    reduce,
    scale,
    subtract,
    total,
    vector,
)
from protocols.arithmetic.extension_field import P as PRIME
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError
from protocols.masking.words import U8, WIDTH

ARITY: Final = 4
DEGREE: Final = 2 * (ARITY - 1)
NODES: Final = DEGREE + 1
SENT: Final = (0, 1, 2, 4, 5, 6)  # the values of a fold that are sent; that at 3 follows from the claim
_DIGITS: Final = np.array([[nibble >> m & 1 for m in range(ARITY)] for nibble in range(16)], dtype=np.uint64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ProofShape:
    """What the ranges of a round's words fix of its proof.

    Attributes:
        bits: uint8[n], of how many bits each word is; 0 where it must be zero.
        width: the most bits of any word.
        groups: of four bits, of each word with its wrap bit.
        length: of the vectors after the first fold, a mask and padding included.
        rounds: number of folds, each a row of the proof.
    """

    bits: U8 = field(repr=False)
    width: int
    groups: int
    length: int
    rounds: int

    @classmethod
    def of(cls, bits: U8) -> "ProofShape":
        """Derive the shape.

        Raises:
            ParameterError: a word of more than 57 bits.
        """
        width = int(bits.max(initial=0))
        if width >= WIDTH:
            raise ParameterError(f"got a word of {width} bits; a masked word is of {WIDTH - 1} bits at most")
        groups = -(-(width + 1) // ARITY)
        length = _padded(bits.size * groups + 1)
        rounds, size = 1, length
        while size > 1:
            rounds, size = rounds + 1, _shorter(size)
        return cls(bits, width, groups, length, rounds)

    @property
    def n(self) -> int:
        """Return the number of words."""
        return self.bits.size

    @property
    def masks(self) -> U64:
        """Return which bits of E each word has, uint64[n]: those of its range, and the wrap bit."""
        one = np.uint64(1)
        return (one << self.bits.astype(np.uint64)) - one | one << np.uint64(self.width)


def _padded(size: int) -> int:
    return -(-size // ARITY) * ARITY


def _shorter(size: int) -> int:
    size //= ARITY
    return _padded(size) if size > 1 else 1


def first_tables(r: Element, width: int) -> tuple[U64, U64]:
    """Return what each nibble of E, and of A, comes to with its bits folded at r, uint64[groups, 16, 2]."""
    return _tables(vector(lagrange(r, ARITY)), width)


def _tables(coefficients: U64, width: int) -> tuple[U64, U64]:
    groups = -(-(width + 1) // ARITY)
    weights = [pow(2, j + 1, PRIME) for j in range(width)] + [-pow(2, WIDTH + 1) % PRIME]
    of_bit = np.zeros(groups * ARITY, dtype=np.uint64)
    of_bit[: width + 1] = weights
    plain = np.zeros_like(of_bit)
    plain[: width + 1] = 1
    left, right = (
        scale(coefficients[None], weight.reshape(groups, ARITY, 1))  # [groups, 4, 2]
        for weight in (of_bit, plain)
    )
    digits = _DIGITS.T[:, None, :, None]  # [4, 1, 16, 1]
    left, right = (total(part.transpose(1, 0, 2)[:, :, None, :] * digits) for part in (left, right))
    return left, right


@lru_cache(maxsize=64)
def _node_products(width: int) -> U64:
    """Return uint64[7, groups * 256]: what each pair of nibbles, of E and of A, is worth at the nodes 0 to 6."""
    rows = []
    for node in range(NODES):
        left, right = (table[..., 0] for table in first_tables((node, 0), width))
        rows.append(scale(left[:, :, None], right[:, None, :]).reshape(-1))
    return np.stack(rows)


def first_values(shape: ProofShape, e: U64, a: U64, rho: U64) -> U64:
    """Return the first polynomial at the nodes 0 to 6, uint64[7, 2], from sums of rho over equal pairs of nibbles."""
    left, right = _nibbles(e, shape.groups), _nibbles(a, shape.groups)
    pair = (256 * np.arange(shape.groups) + 16 * left + right).T.reshape(-1)
    sums = [_sum_by(pair, np.tile(rho[:, part], shape.groups), size=256 * shape.groups) for part in (0, 1)]
    worth = _node_products(shape.width)[:, :, None]
    return total(scale(worth, np.stack(sums, axis=-1)[None]).transpose(1, 0, 2))


def _sum_by(index: I64, numbers: U64, *, size: int) -> U64:
    """Return sums modulo p of numbers with equal indices, uint64[size]: exact, as sums of 21 bits each in doubles."""
    out = np.zeros(size, dtype=np.uint64)
    for shift in (0, 21, 42):
        part = (numbers >> np.uint64(shift) & np.uint64(2**21 - 1)).astype(np.float64)
        sums = np.bincount(index, weights=part, minlength=size).astype(np.uint64)
        out = add(out, scale(sums, np.array(1 << shift, dtype=np.uint64)))
    return out


def _nibbles(words: U64, groups: int) -> I64:
    """Return each word's groups of four bits, int64[n, groups], the lowest first."""
    shifts = (ARITY * np.arange(groups)).astype(np.uint64)
    return (words[:, None] >> shifts & np.uint64(15)).astype(np.int64)


def aggregator_vector(shape: ProofShape, e: U64, rho: U64, r: Element) -> U64:
    """Return the aggregators' vector after the first fold, uint64[length, 2]."""
    table, _ = first_tables(r, shape.width)
    return _extend(shape, multiply(rho[:, None, :], _look_up(table, e, shape.groups)))


def dealer_vector(shape: ProofShape, a: U64, r: Element, mask: U64) -> U64:
    """Return the dealer's vector after the first fold; `mask`, uint64[2], stands behind it where the other has 0."""
    _, table = first_tables(r, shape.width)
    out = _extend(shape, _look_up(table, a, shape.groups))
    out[shape.n * shape.groups] = mask
    return out


def _look_up(table: U64, words: U64, groups: int) -> U64:
    picked: U64 = table[np.arange(groups)[None], _nibbles(words, groups)]
    return picked


def _extend(shape: ProofShape, x: U64) -> U64:
    out = np.zeros((shape.length, 2), dtype=np.uint64)
    out[: shape.n * shape.groups] = x.reshape(-1, 2)
    return out


def values(left: U64, right: U64) -> U64:
    """Return the sum of U(X) V(X) over groups of four at the nodes 0 to 6, uint64[7, 2]."""
    products = multiply(np.stack(_at_nodes(left), axis=1), np.stack(_at_nodes(right), axis=1))
    return total(products)


def _at_nodes(x: U64) -> list[U64]:
    """Return the cubic polynomials through each four values at the nodes 0 to 6, by differences."""
    at = [x[m::ARITY] for m in range(ARITY)]
    first = [subtract(at[m + 1], at[m]) for m in range(3)]
    second = [subtract(first[m + 1], first[m]) for m in range(2)]
    third, slope, bend = subtract(second[1], second[0]), first[2], second[1]
    for _ in range(ARITY, NODES):
        bend = add(bend, third)
        slope = add(slope, bend)
        at.append(add(at[-1], slope))
    return at


def fold(x: U64, r: Element) -> U64:
    """Return the value at r of the cubic polynomials through each four values, padded for the next fold."""
    coefficients = vector(lagrange(r, ARITY))
    size = x.shape[0] // ARITY
    out = np.zeros((_shorter(x.shape[0]), 2), dtype=np.uint64)
    products = multiply(x.reshape(size, ARITY, 2), coefficients)
    out[:size] = reduce(products.sum(axis=1, dtype=np.uint64))  # four numbers below 2**61
    return out


def fold_all(x: U64, challenges: tuple[Element, ...]) -> Element:
    """Return the one element that is left of a vector after all further folds."""
    for r in challenges:
        x = fold(x, r)
    return element(x[0])


def linear_side(shape: ProofShape, bits: U64, words: U64, rho: U64, *, sign: int) -> Element:
    """Return one party's part of the right side: of (E, d) with sign -1, of (A, pad) with sign 1."""
    low = (bits & np.uint64((1 << shape.width) - 1)).view(np.int64)
    wrapped = (bits >> np.uint64(shape.width)).view(np.int64) << np.int64(WIDTH)
    side = (low + sign * words.view(np.int64) - wrapped) % np.int64(PRIME)
    return element(total(scale(rho, side.view(np.uint64)[:, None])))
