"""The kernels of a range proof on numpy, which every party has: products of matrices of doubles, which are exact.

A number below p is four limbs of 16 bits. Sums of products of limbs and small numbers stay below 2**53, and matrices of
them take a few calls where arithmetic modulo p, operation by operation, takes many.
"""

from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.extension_field import P, add, elements, lagrange, multiply, powers, reduce, vector
from protocols.arithmetic.fixed_point import U64
from protocols.masking.kernels.element_folding import claim
from protocols.masking.kernels.folding_kernels import ARITY, NODES, FoldingKernels, shorter

F64 = npt.NDArray[np.float64]

LIMB: Final = 16  # bits
LIMBS: Final = 4
BITS: Final = 61  # of p
PRIME: Final = np.uint64(P)
BLOCK: Final = 2**9  # words, so that a sum of products of 24 and 16 bits is exact in a double
ROWS: Final = 2**9  # of four elements, so that one of products of 22 and 22 bits is
LONG: Final = 2**14  # words or rows at a time, of which the arrays stay small; sums of products of limbs stay exact
_LEFT: Final = np.arange(0, LIMB * (2 * LIMBS - 1), LIMB, dtype=np.uint64) % np.uint64(BITS)
_RIGHT: Final = np.uint64(BITS) - _LEFT
_CUBIC: Final = np.array(  # the cubic polynomial through values at 0 to 3, at the nodes
    [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [-1, 4, -6, 4], [-4, 15, -20, 10], [-10, 36, -45, 20]],
    dtype=np.float64,
)
_DIAGONALS: Final = np.array(  # of which power of 2**16 a product of two limbs is
    [[i + j == s for s in range(2 * LIMBS - 1)] for i in range(LIMBS) for j in range(LIMBS)], dtype=np.int64
)


@final
class NumpyKernels(FoldingKernels):
    """Whole arrays, one operation after the other."""

    def correlate(self, left: U64, right: U64, rho: U64, *, arity: int) -> U64:
        """Return the sums, of those moves alone that meet a bit."""
        out = np.zeros((len(left), 2 * arity - 1, 2), dtype=np.uint64)
        up = np.maximum(np.arange(1 - arity, arity), 0).astype(np.uint32)
        reach = np.bitwise_or.reduce(left, axis=1, initial=0)[:, None]
        row, move = np.nonzero(reach & (np.uint64(2**arity - 1) << up >> up[::-1]))
        up, down = up[move, None], up[::-1][move, None]
        for start in range(0, left.shape[1], BLOCK):
            part = slice(start, start + BLOCK)
            one, other = left[:, part].astype(np.uint32), right[:, part].astype(np.uint32)
            both = (one[row] & other[row] << up >> down).view(np.int32).astype(np.float64)
            sums = both @ _limbs(rho[part]).reshape(-1, 2 * LIMBS)
            out[row, move] = add(out[row, move], _join(sums.reshape(-1, 2, LIMBS)))
        return out

    def powers(self, r: U64, count: int) -> U64:
        """Return the powers, of which there are few, on single elements."""
        return np.array([powers(each, count) for each in elements(r)], dtype=np.uint64)

    def evaluate(self, weights: U64, words: U64, rho: U64, *, groups: int) -> U64:
        """Return the products of bits and weights, group by group."""
        (m, n), count = words.shape, weights.shape[1]
        out = np.empty((m, n, groups, 2), dtype=np.uint64)
        limbs = _limbs(weights).reshape(m, groups, -1, 2 * LIMBS)
        for start in range(0, n, LONG):
            part = slice(start, start + LONG)
            octets = np.ascontiguousarray(words[:, part], dtype="<u8").view(np.uint8).reshape(m, -1, 8)
            bits = np.unpackbits(octets, axis=2, count=count, bitorder="little").astype(np.float64)
            by_group = bits.reshape(m, -1, groups, count // groups).transpose(0, 2, 1, 3)
            value = _join((by_group @ limbs).reshape(m, groups, -1, 2, LIMBS)).transpose(0, 2, 1, 3)
            out[len(rho) :, part] = value[len(rho) :]
            if len(rho):
                out[: len(rho), part] = multiply(rho[:, part, None], value[: len(rho)])
        return out.reshape(m, n * groups, 2)

    def values(self, left: U64, right: U64) -> U64:
        """Return the sums of products of limbs at each node."""
        out = np.zeros((NODES, 2), dtype=np.uint64)
        for start in range(0, len(left), ARITY * ROWS):
            one, other = (_at_nodes(x[start : start + ARITY * ROWS]) for x in (left, right))
            products = (one.transpose(0, 2, 1) @ other).astype(np.int64).reshape(NODES, 2, LIMBS, 2, LIMBS)
            real = products[:, 0, :, 0] - products[:, 1, :, 1]
            imaginary = products[:, 0, :, 1] + products[:, 1, :, 0]
            parts = np.stack([real, imaginary], axis=1).reshape(NODES, 2, LIMBS**2)
            out = add(out, _join(parts @ _DIAGONALS))
        return out

    def fold(self, x: U64, coefficients: U64) -> U64:
        """Return the sums of four products each."""
        m, rows = len(x), x.shape[1] // ARITY
        limbs = _limbs(_powers_of_limbs(coefficients))  # of a coefficient times each power of 2**16
        matrix = np.empty((m, ARITY, 2, LIMBS, 2, LIMBS))
        matrix[:, :, 0, :, 0] = matrix[:, :, 1, :, 1] = limbs[:, :, 0]
        matrix[:, :, 0, :, 1], matrix[:, :, 1, :, 0] = limbs[:, :, 1], -limbs[:, :, 1]
        out = np.empty((m, rows, 2), dtype=np.uint64)
        for start in range(0, rows, LONG):
            part = _limbs(x[:, ARITY * start : ARITY * (start + LONG)]).reshape(m, -1, ARITY * 2 * LIMBS)
            out[:, start : start + LONG] = _join((part @ matrix.reshape(m, -1, 2 * LIMBS)).reshape(m, -1, 2, LIMBS))
        return out

    def fold_all(self, x: U64, challenges: U64) -> U64:
        """Return what is left, fold after fold."""
        for r in challenges.transpose(1, 0, 2):
            size = x.shape[1] // ARITY
            coefficients = np.array([lagrange(each, ARITY) for each in elements(r)], dtype=np.uint64)
            folded = np.zeros((len(x), shorter(x.shape[1]), 2), dtype=np.uint64)
            folded[:, :size] = self.fold(x, coefficients)
            x = folded
        return x[:, 0]

    def inner_product(self, rho: U64, numbers: U64) -> U64:
        """Return the sum of products of limbs."""
        out = np.zeros((len(rho), 2), dtype=np.uint64)
        for start in range(0, numbers.shape[1], LONG):
            part = slice(start, start + LONG)
            factors = _limbs(rho[:, part]).reshape(len(rho), -1, 2 * LIMBS)
            sums = (_limbs(numbers[:, part]).transpose(0, 2, 1) @ factors).reshape(-1, LIMBS, 2, LIMBS)
            out = add(out, _join(_join(sums).transpose(0, 2, 1)))
        return out

    def claims(self, rows: U64, linear: U64, challenges: U64) -> U64:
        """Return the claims, of which there are few, on single elements."""
        each = zip(map(elements, rows), elements(linear), map(elements, challenges), strict=True)
        return vector([claim(*proof) for proof in each])


def _limbs(x: U64) -> F64:
    """Return the limbs of numbers, uint64[...] to float64[..., LIMBS], the lowest first."""
    return np.ascontiguousarray(x, dtype="<u8").view("<u2").reshape(*x.shape, LIMBS).astype(np.float64)


def _join(limbs: npt.NDArray[Any]) -> U64:
    """Return numbers modulo p from limbs, seven at most, of which each is below 2**61 in absolute value."""
    whole = limbs.astype(np.int64)
    parts = (whole + (whole >> np.int64(63) & np.int64(P))).view(np.uint64)
    return reduce(_turned(parts, limbs.shape[-1]).sum(axis=-1, dtype=np.uint64))


def _powers_of_limbs(x: U64) -> U64:
    """Return numbers below p times each power of 2**16, uint64[...] to uint64[..., LIMBS]."""
    return _turned(x[..., None], LIMBS)


def _turned(x: U64, count: int) -> U64:
    """Return x times the powers of 2**16 modulo p along the last axis: its 61 bits, turned."""
    turned: U64 = x << _LEFT[:count] & PRIME | x >> _RIGHT[:count]
    return turned


def _at_nodes(x: U64) -> F64:
    """Return limbs of the cubic polynomials through each four elements, float64[NODES, rows, 2 LIMBS]."""
    by_place = x.reshape(-1, ARITY, 2).transpose(1, 0, 2)
    return (_CUBIC @ _limbs(by_place).reshape(ARITY, -1)).reshape(NODES, -1, 2 * LIMBS)
