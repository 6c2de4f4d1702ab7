"""The kernels of a range proof on numpy, which every party has."""

from typing import Final, final

import numpy as np

from protocols.arithmetic.extension_field import add, elements, multiply, reduce, scale, subtract, total, vector
from protocols.arithmetic.fixed_point import U64
from protocols.masking.kernels import short_vectors
from protocols.masking.kernels.folding_kernels import ARITY, CHUNK, NODES, FoldingKernels

LIMB: Final = 16
BLOCK: Final = 2**9  # words, so that a sum of products of 24 and 16 bits is exact in a double
_SHIFTS: Final = np.arange(0, 61, LIMB, dtype=np.uint64)
_WORTH: Final = (np.uint64(1) << _SHIFTS)[:, None]


@final
class NumpyKernels(FoldingKernels):
    """Whole arrays, one operation after the other."""

    def correlate(self, left: U64, right: U64, rho: U64, *, arity: int) -> U64:
        """Return the sums as products of matrices of doubles, which are exact: every partial sum is below 2**53."""
        out = np.zeros((2 * arity - 1, 2), dtype=np.uint64)
        up = np.maximum(np.arange(1 - arity, arity), 0).astype(np.uint32)[:, None]
        reached = (np.bitwise_or.reduce(left) & np.uint64(2**arity - 1) << up >> up[::-1])[:, 0] != 0
        up, down = up[reached], up[::-1][reached]
        for start in range(0, left.size, BLOCK):
            part = slice(start, start + BLOCK)
            both = left[part].astype(np.uint32) & right[part].astype(np.uint32) << up >> down
            limbs = rho[part, None] >> _SHIFTS[:, None] & np.uint64(2**LIMB - 1)  # [n, limbs, 2]
            sums = both.view(np.int32).astype(np.float64) @ limbs.astype(np.float64).reshape(-1, 2 * _SHIFTS.size)
            worth = scale(reduce(sums.astype(np.uint64)).reshape(-1, _SHIFTS.size, 2), _WORTH)
            out[reached] = reduce(out[reached] + reduce(worth.sum(axis=1, dtype=np.uint64)))
        return out

    def look_up(self, tables: U64, words: U64, rho: U64 | None, *, bits: int) -> U64:
        """Return the sums of entries, chunk by chunk."""
        out = np.empty((words.size, len(tables), 2), dtype=np.uint64)
        for group, table in enumerate(tables):
            own = words >> np.uint64(bits * group) & np.uint64((1 << bits) - 1)
            value = np.zeros((words.size, 2), dtype=np.uint64)
            for chunk, entries in enumerate(table):
                value += entries[own >> np.uint64(CHUNK * chunk) & np.uint64(2**CHUNK - 1)]  # four below 2**61
            out[:, group] = reduce(value) if rho is None else multiply(rho, reduce(value))
        return out.reshape(-1, 2)

    def values(self, left: U64, right: U64) -> U64:
        """Return the sums at each node."""
        if len(left) <= short_vectors.LONGEST:
            return vector(short_vectors.values(elements(left), elements(right)))
        products = multiply(np.stack(_at_nodes(left), axis=1), np.stack(_at_nodes(right), axis=1))
        return total(products)

    def fold(self, x: U64, coefficients: U64) -> U64:
        """Return the sums of four products each."""
        if len(x) <= short_vectors.LONGEST:
            return vector(short_vectors.fold(elements(x), elements(coefficients)))
        products = multiply(x.reshape(-1, ARITY, 2), coefficients)
        return reduce(products.sum(axis=1, dtype=np.uint64))  # four numbers below 2**61

    def inner_product(self, rho: U64, numbers: U64) -> U64:
        """Return the sum of products."""
        return total(scale(rho, numbers[:, None]))


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
