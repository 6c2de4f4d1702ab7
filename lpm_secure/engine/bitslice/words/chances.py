"""Probabilities as generated code compares random digits with them."""

import math
from typing import Final

import numpy as np

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import I64, U64

WHOLE: Final = 2**64  # of a probability
LARGEST: Final = WHOLE - 1


def probability(value: float) -> int:
    """Return a probability in units of 2**-64."""
    return min(max(round(value * WHOLE), 0), LARGEST)


def hazard_chance(rate: float) -> int:
    """Return the probability that a hazard's growth crosses a threshold of Exp(1)."""
    return probability(-math.expm1(-rate))


def law_chances(laws: I64) -> U64:
    """Return the probability of each day given that it is none before, uint64[rows * length]."""
    rows = []
    for law in laws.tolist():
        left = LAW_TOTAL
        for weight in law:
            rows.append(min(weight * WHOLE // left, LARGEST) if left > 0 else LARGEST)
            left -= weight
    return np.array(rows, dtype=np.uint64)
