"""The score of a common factor of all that raises a clock's level, in integers, so that it can be added up on shares.

In a step of hazard x an agent that escapes adds -x, and one that crosses x exp(-x) / (1 - exp(-x)) = x / (e^x - 1).
That is 1 - x/2 + x^2/12 - x^4/720 + ..., a series with alternating signs for x < 2 pi, of which three terms are kept:
the error of each crossing's score is at most x^4/720, 0.0014 at a hazard of 1 in one step. With z = 2^g x whole,

    12 2^2g (1 - x/2 + x^2/12) = 12 2^2g - 6 2^g z + z^2,     -12 2^2g x = -12 2^g z,

so nothing is truncated: masks and hazards are multiplied as they are, and the total is divided after it is opened.

Source: the series is the generating function of the Bernoulli numbers (Abramowitz and Stegun 1964, 23.1.1).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import I64

HAZARD_BITS: Final = 14  # g
HALF: Final = 6 << HAZARD_BITS
UNIT: Final = 12 << 2 * HAZARD_BITS  # what a score of 1 is


def coarse(hazard: I64, f: int) -> I64:
    """Return hazards of `f` fraction bits with `HAZARD_BITS` of them, rounded."""
    if f <= HAZARD_BITS:
        return hazard << (HAZARD_BITS - f)
    return (hazard + (1 << (f - HAZARD_BITS - 1))) >> (f - HAZARD_BITS)


def coarse_factors(factors: Sequence[int], f: int) -> I64:
    """Return each channel's hazard per unit of exposure with `HAZARD_BITS` fraction bits, int64[c], from `f`."""
    return coarse(np.array(factors, dtype=np.int64), f)


def coarsening(factors: Sequence[int], f: int) -> float:
    """Return by which factor, at most, rounding makes a hazard larger; at least 1."""
    unit = float(2.0 ** (HAZARD_BITS - f))
    pairs = zip(coarse_factors(factors, f).tolist(), factors, strict=True)
    return max([1.0, *(float(rounded) / (fine * unit) for rounded, fine in pairs if fine)])


def terms(z: I64, escaped: I64, crossed: I64) -> I64:
    """Return int64[n], the score of one step in the clear, in units of 1 / UNIT.

    Args:
        z: int64[n], hazards with `HAZARD_BITS` fraction bits.
        escaped, crossed: int64[n] of 0 and 1.
    """
    return crossed * (UNIT - HALF * z + z * z) - 2 * HALF * escaped * z
