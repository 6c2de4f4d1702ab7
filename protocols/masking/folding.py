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

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, final

import numpy as np

from protocols.arithmetic.extension_field import (
    ONE,
    Element,
    add,
    element,
    elements,
    lagrange,
    product,
    scale,
    total,
    vector,
)
from protocols.arithmetic.extension_field import P as PRIME
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ParameterError
from protocols.masking.kernels import short_vectors
from protocols.masking.kernels.choice import kernels_for
from protocols.masking.kernels.folding_kernels import ARITY, CHUNK, WIDEST
from protocols.masking.norm import HALVES, NormBound
from protocols.masking.words import U8, WIDTH

SENT: Final = (0, 1, 2, 4, 5, 6)  # the values of a later fold that are sent; that at 3 follows from the claim
NONE: Final = np.zeros((0, 2), dtype=np.uint64)
_DIGITS: Final = np.array([[chunk >> m & 1 for chunk in range(2**CHUNK)] for m in range(CHUNK)], dtype=np.uint64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class ProofShape:
    """What the ranges of a round's words fix of its proof, and the bound of their norm where there is one.

    Attributes:
        bits: uint8[n], of how many bits each word is; 0 where it must be zero.
        norm: the bound; the last words are then the halves of its slack.
        width: the most bits of any word.
        groups: of bits, of each word with its wrap bit.
        arity: bits of a group, which the first fold takes together.
        length: of the vectors after the first fold, a mask and padding included.
        rounds: number of folds, each a row of the proof.
    """

    bits: U8 = field(repr=False)
    norm: NormBound | None
    width: int
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
        groups, products = -(-(width + 1) // WIDEST), 0 if norm is None else norm.entries
        length = _padded((bits.size + products) * groups + products + 1)
        rounds, size = 1, length
        while size > 1:
            rounds, size = rounds + 1, _shorter(size)
        return cls(bits, norm, width, groups, -(-(width + 1) // groups), length, rounds)

    @property
    def n(self) -> int:
        """Return the number of words."""
        return self.bits.size

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

    @property
    def masks(self) -> U64:
        """Return which bits of E each word has, uint64[n]: those of its range, and the wrap bit of what can wrap."""
        one = np.uint64(1)
        wrap = np.full(self.n, one << np.uint64(self.width))
        if self.norm is not None:
            wrap[self.norm.entries :] = 0  # told modulo p, and not modulo 2**58
        return (one << self.bits.astype(np.uint64)) - one | wrap

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
        first = 2 * (self.arity - 1)
        return np.split(elements, range(first, self.sent, len(SENT))) if self.rounds > 1 else [elements]


def _padded(size: int) -> int:
    return -(-size // ARITY) * ARITY


def _shorter(size: int) -> int:
    size //= ARITY
    return _padded(size) if size > 1 else 1


def powers(r: Element, count: int) -> tuple[Element, ...]:
    """Return the powers of r from 0 to count - 1."""
    out = [ONE]
    for _ in range(count - 1):
        out.append(product(out[-1], r))
    return tuple(out[:count])


def aggregator_table(shape: ProofShape, r: Element) -> U64:
    """Return what each chunk of E comes to with its group at r, uint64[groups, chunks, 2**CHUNK, 2]."""
    return _table(vector(powers(r, shape.arity)), _worth(shape.width))


def dealer_table(shape: ProofShape, r: Element) -> U64:
    """Return what each chunk of A comes to with its group at r, uint64[groups, chunks, 2**CHUNK, 2]."""
    return _table(vector(powers(r, shape.arity)[::-1]), (1,) * (shape.width + 1))


@lru_cache(maxsize=64)
def _worth(width: int) -> tuple[int, ...]:
    """Return W of each bit of a word, and of its wrap bit, modulo p."""
    return (*(pow(2, j + 1, PRIME) for j in range(width)), -pow(2, WIDTH + 1) % PRIME)


def _table(at_r: U64, worth: tuple[int, ...]) -> U64:
    arity = len(at_r)
    groups, chunks = -(-len(worth) // arity), -(-arity // CHUNK)
    weights = np.zeros(groups * arity, dtype=np.uint64)
    weights[: len(worth)] = worth
    each = np.zeros((groups, chunks * CHUNK, 2), dtype=np.uint64)
    each[:, :arity] = scale(at_r[None], weights.reshape(groups, arity, 1))
    by_chunk = each.reshape(groups, chunks, CHUNK, 2).transpose(2, 0, 1, 3)
    return total(by_chunk[:, :, :, None, :] * _DIGITS[:, None, None, :, None])


def first_coefficients(shape: ProofShape, e: U64, a: U64, rho: U64) -> U64:
    """Return the coefficients of the first polynomial but the one that follows, uint64[2 (arity - 1), 2]."""
    kernels, arity = kernels_for(shape.n), shape.arity
    out = np.zeros((2 * arity - 1, 2), dtype=np.uint64)
    top = np.uint64(1 << shape.width)
    for group in range(shape.groups):
        start, mask = np.uint64(arity * group), np.uint64((1 << arity) - 1)
        right, left = a >> start & mask, (e & (top - np.uint64(1))) >> start & mask
        sums = kernels.correlate(left, right, rho, arity=arity)
        out = add(out, scale(sums, np.array(pow(2, arity * group + 1, PRIME), dtype=np.uint64)))
    wrapped = (e & top) >> start  # in the last group
    at_wrap = -pow(2, WIDTH + 1 - shape.width + int(start), PRIME) % PRIME
    sums = kernels.correlate(wrapped, right, rho, arity=arity)
    out = add(out, scale(sums, np.array(at_wrap, dtype=np.uint64)))
    return np.delete(out, arity - 1, axis=0)


def aggregator_vector(shape: ProofShape, e: U64, rho: U64, r: Element, factors: U64 = NONE) -> U64:
    """Return the aggregators' vector after the first fold, uint64[length, 2]; `factors`, uint64[m, 2], stand behind."""
    at = kernels_for(shape.n).look_up(aggregator_table(shape, r), e, rho, bits=shape.arity)
    return _extend(shape, at, factors)


def dealer_vector(shape: ProofShape, a: U64, r: Element, mask: U64, factors: U64 = NONE) -> U64:
    """Return the dealer's vector after the first fold; `mask`, uint64[2], stands behind it where the other has 0."""
    at = kernels_for(shape.n).look_up(dealer_table(shape, r), a, None, bits=shape.arity)
    return _extend(shape, at, factors, mask[None])


def _extend(shape: ProofShape, *parts: U64) -> U64:
    out = np.zeros((shape.length, 2), dtype=np.uint64)
    np.concatenate(parts, out=out[: sum(map(len, parts))])
    return out


def values(left: U64, right: U64) -> U64:
    """Return the polynomial of a later fold at the nodes that are sent, uint64[6, 2]."""
    at_nodes: U64 = kernels_for(len(left)).values(left, right)[list(SENT)]
    return at_nodes


def fold(x: U64, r: Element) -> U64:
    """Return the value at r of the cubic polynomials through each four values, padded for the next fold."""
    out = np.zeros((_shorter(x.shape[0]), 2), dtype=np.uint64)
    out[: x.shape[0] // ARITY] = kernels_for(len(x)).fold(x, vector(lagrange(r, ARITY)))
    return out


def fold_all(x: U64, challenges: tuple[Element, ...]) -> Element:
    """Return the one element that is left of a vector after all further folds."""
    for place, r in enumerate(challenges):
        if len(x) <= short_vectors.LONGEST:
            return short_vectors.fold_all(elements(x), [lagrange(each, ARITY) for each in challenges[place:]])
        x = fold(x, r)
    return element(x[0])


def linear_side(shape: ProofShape, bits: U64, words: U64, rho: U64, *, sign: int) -> Element:
    """Return one party's part of the right side: of (E, d) with sign -1, of (A, pad) with sign 1."""
    low = (bits & np.uint64((1 << shape.width) - 1)).view(np.int64)
    wrapped = (bits >> np.uint64(shape.width)).view(np.int64) << np.int64(WIDTH)
    side = (low + sign * words.view(np.int64) - wrapped) % np.int64(PRIME)
    return element(kernels_for(shape.n).inner_product(rho, side.view(np.uint64)))
