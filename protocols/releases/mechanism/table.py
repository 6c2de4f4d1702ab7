"""The table of one discrete Gaussian, from integers alone: every machine builds the same."""

from decimal import Decimal, localcontext
from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import I64, U64

WORD: Final = 2**64
TAIL_BITS: Final = 66  # the two tails that are cut off weigh less than 2**-66
BITS: Final = 256  # of the table's fixed point while it is built


def thresholds(sigma: float) -> tuple[U64, I64]:
    """Return a table to invert: uint64[m - 1], and int64[m].

    A word u, uniform below 2**64, becomes `values[j]`, where j counts the thresholds that are at most u. The weights
    exp(-x**2 / (2 sigma**2)) of -b to b follow from each other by two multiplications of integers.
    """
    with localcontext(prec=2 * BITS // 3):
        ratio = int((-1 / (2 * Decimal(sigma) ** 2)).exp() * 2**BITS)
        bound = int(((2 * TAIL_BITS * Decimal(2).ln()).sqrt() * Decimal(sigma)).to_integral_value()) + 2
    weight, factor = 1 << BITS, ratio  # of x, and weight(x + 1) / weight(x) = exp(-(2 x + 1) / (2 sigma**2))
    half = [weight]
    square = ratio * ratio >> BITS
    for _ in range(bound):
        weight = weight * factor >> BITS
        factor = factor * square >> BITS
        half.append(weight)
    weights = half[:0:-1] + half
    whole, summed, cuts = sum(weights), 0, []
    for each in weights[:-1]:
        summed += each
        cuts.append(min(summed * WORD // whole, WORD - 1))
    return np.array(cuts, dtype=np.uint64), np.arange(-bound, bound + 1, dtype=np.int64)
