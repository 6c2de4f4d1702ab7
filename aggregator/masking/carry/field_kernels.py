"""The field of 2**128 elements in which openings are proved, and what a proof computes over long vectors of them.

An element is uint64[2], the coefficients of x**0 to x**127, or an integer of as many bits. Words of 64 bits are
elements too, of their lower coefficients.

Source: the polynomial is that of GCM (NIST SP 800-38D, 6.3), its bits in the order of a little-endian integer.
"""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64, U64
from protocols.masking.kernels.folding_kernels import ARITY
from protocols.masking.words import WORD_BYTES

BITS: Final = 128
WORD: Final = 64
SHIFTS: Final = tuple(range(1 - WORD, WORD))
_LOW: Final = 2**BITS - 1


@final
@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """What was opened, as linear functions of what was dealt: bit by bit, for 64 agents in each word.

    Attributes:
        places: int64[t], which dealt plane each term takes.
        starts: int64[j + 1], where the terms of each opened plane begin.
        coefficients: uint64[t, w], what it is multiplied by.
    """

    places: I64 = field(repr=False)
    starts: I64 = field(repr=False)
    coefficients: U64 = field(repr=False)

    def terms(self, line: int) -> slice:
        """Return where the terms of an opened plane stand."""
        return slice(int(self.starts[line]), int(self.starts[line + 1]))


class FieldKernels(abc.ABC):
    """One way to compute; all have the same bytes. Subclasses are final and hold no state."""

    @abc.abstractmethod
    def multiply(self, a: U64, b: U64) -> U64:
        """Return the products of elements, uint64[m, 2]; `b` may be one for all."""

    @abc.abstractmethod
    def weigh(self, words: U64, elements: U64) -> U64:
        """Return the sum of words times elements, uint64[2], of uint64[m] and uint64[m, 2]."""

    @abc.abstractmethod
    def correlate(self, lines: Lines, dealt: U64, weights: U64) -> U64:
        """Return the weighted sum of all lines for each shift of what was dealt, uint64[127, 2].

        Args:
            lines: of j opened planes.
            dealt: uint64[k, w].
            weights: uint64[j, w, 2].
        """

    def inner(self, a: U64, b: U64) -> U64:
        """Return the sum of products, uint64[2]."""
        return total(self.multiply(a, b))

    def fold(self, x: U64, coefficients: U64) -> U64:
        """Return the sum of each four elements times four coefficients: uint64[m, 4, 2] to uint64[m, 2]."""
        folded: U64 = np.bitwise_xor.reduce([self.multiply(x[:, place], coefficients[place]) for place in range(ARITY)])
        return folded

    def evaluate(self, words: U64, powers: Sequence[int]) -> U64:
        """Return the sum of a power for each bit that is 1: uint64[m] to uint64[m, 2], of 64 powers."""
        octets, out = words.astype("<u8").view(np.uint8).reshape(-1, WORD_BYTES), np.zeros((words.size, 2), np.uint64)
        for place, table in enumerate(tables(powers)):
            out ^= table[octets[:, place]]
        return out


def total(elements: U64) -> U64:
    """Return the sum of elements, uint64[..., 2]."""
    summed: U64 = np.bitwise_xor.reduce(elements.reshape(-1, 2), axis=0)
    return summed


def tables(powers: Sequence[int]) -> U64:
    """Return the sum of powers for each byte at each place, uint64[8, 256, 2]."""
    out = np.zeros((WORD_BYTES, 256, 2), dtype=np.uint64)
    each = vector(powers).reshape(WORD_BYTES, 8, 2)
    for bit in range(8):
        out[:, 1 << bit : 2 << bit] = out[:, : 1 << bit] ^ each[:, bit, None]
    return out


def vector(integers: Sequence[int]) -> U64:
    """Return elements as uint64[m, 2]."""
    content = b"".join(each.to_bytes(BITS // 8, "little") for each in integers)
    return np.frombuffer(content, dtype="<u8").astype(np.uint64).reshape(-1, 2)


def integers(elements: npt.ArrayLike) -> list[int]:
    """Return elements, uint64[m, 2], as integers."""
    return [low | high << WORD for low, high in np.asarray(elements, dtype=np.uint64).reshape(-1, 2).tolist()]


def product(a: int, b: int) -> int:
    """Return the product of two elements."""
    multiples = [0, a]
    for each in range(2, 16):
        multiples.append(multiples[each // 2] << 1 ^ (a if each % 2 else 0))
    wide = 0
    for octet in b.to_bytes(BITS // 8, "big"):
        wide = (wide << 4 ^ multiples[octet >> 4]) << 4 ^ multiples[octet & 15]
    for _ in range(2):
        high = wide >> BITS
        wide = wide & _LOW ^ high ^ high << 1 ^ high << 2 ^ high << 7
    return wide


def powers(base: int, count: int) -> list[int]:
    """Return the powers of an element from 0 to count - 1."""
    out = [1]
    while len(out) < count:
        out.append(product(out[-1], base))
    return out


@lru_cache(maxsize=4)
def _inverse_weights(nodes: int) -> tuple[int, ...]:
    """Return one over the product of each node's differences from all others; the nodes are 0, 1, 2, ..."""
    out = []
    for node in range(nodes):
        weight = 1
        for other in range(nodes):
            weight = product(weight, node ^ other) if other != node else weight
        inverse, square = 1, weight
        for _ in range(BITS - 1):  # to the power of 2**128 - 2
            square = product(square, square)
            inverse = product(inverse, square)
        out.append(inverse)
    return tuple(out)


def lagrange(r: int, nodes: int) -> list[int]:
    """Return what the values of a polynomial at 0 to nodes - 1 count for in its value at r."""
    out = []
    for node, inverse in enumerate(_inverse_weights(nodes)):
        value = inverse
        for other in range(nodes):
            value = product(value, r ^ other) if other != node else value
        out.append(value)
    return out
