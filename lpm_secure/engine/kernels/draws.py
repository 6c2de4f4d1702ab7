"""The draws of `protocols.arithmetic`, compiled, one agent at a time; the same bits.

Security: a simulation generator. Masks, keys and privacy noise never come from here.
Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

import math
from typing import Any, Final

import numpy as np

from protocols.arithmetic import distributions, philox
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.jit import high, inline_kernel

M0: Final = philox.MULTIPLIERS[0]
M1: Final = philox.MULTIPLIERS[1]
W0: Final = np.uint64(philox.WEYL[0])
W1: Final = np.uint64(philox.WEYL[1])
ROUNDS: Final = philox.ROUNDS
HALF: Final = np.uint64(32)
TWELVE: Final = np.uint64(12)
SERIES: Final = tuple(1.0 / power for power in range(distributions.TERMS, 0, -2))
LN2: Final = distributions.LN2
HALF_ROOT: Final = 0.7071067811865476
TOTAL: Final = np.uint64(distributions.LAW_TOTAL)
ULP: Final = 2.0**-52


@inline_kernel
def block(key: tuple[Any, Any], number: Any, purpose: Any, step: Any) -> tuple[Any, Any, Any, Any]:
    """Return four words of 64 random bits for the counter (number, purpose, step, 0)."""
    c0, c1, c2, c3 = np.uint64(number), np.uint64(purpose), np.uint64(step), np.uint64(0)
    k0, k1 = np.uint64(key[0]), np.uint64(key[1])
    for _ in range(ROUNDS):
        high0, low0 = high(c0, M0), c0 * M0
        high1, low1 = high(c2, M1), c2 * M1
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + W0, k1 + W1
    return c0, c1, c2, c3


@inline_kernel
def log(x: float) -> float:
    """Return the natural logarithm of a positive, normal number: the bits of `distributions.log`."""
    m, exponent = math.frexp(x)
    if m < HALF_ROOT:
        m = m * 2.0
        exponent -= 1
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = 0.0
    for term in SERIES:
        series = series * square + term
    return 2.0 * s * series + exponent * LN2


@inline_kernel
def uniform(bits: Any) -> Any:
    """Return a number of the open interval (0, 1): the bits of `protocols.arithmetic.distributions.uniform`."""
    return (np.float64(bits >> TWELVE) + 0.5) * ULP


@inline_kernel
def days(bits: Any, bounds: U64) -> Any:
    """Return a whole number of days from a law's bounds: the bits of `protocols.arithmetic.distributions.days`."""
    value = bits >> HALF
    low, top = 0, bounds.size
    while low < top:
        middle = (low + top) // 2
        if bounds[middle] <= value:
            low = middle + 1
        else:
            top = middle
    return low + 1


@inline_kernel
def rest_of_days(bits: Any, bounds: U64, elapsed: Any) -> Any:
    """Return the days that are left after some have passed, 0 where none can: the bits of `graph.draws.days`."""
    passed = np.uint64(0)
    if elapsed > bounds.size:
        passed = TOTAL
    elif elapsed > 0:
        passed = bounds[elapsed - 1]
    left = TOTAL - passed
    if left == 0:
        return 0
    upper = passed + ((bits >> HALF) * left >> HALF)
    return np.int64(days(upper << HALF, bounds)) - elapsed


def key_of(key: tuple[int, int]) -> tuple[np.uint64, np.uint64]:
    """Return a key in the types that compiled functions take."""
    return np.uint64(key[0]), np.uint64(key[1])
