"""From random words to the numbers that models need, with the same bits on every machine.

Only additions, multiplications and divisions are used, which IEEE 754 rounds the same way everywhere. The logarithms of
mathematics libraries differ in the last bit between machines, and one bit would end parity.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import U64
from protocols.errors import ParameterError

F64 = npt.NDArray[np.float64]

LN2: Final = 0.6931471805599453
TERMS: Final = 19  # odd powers up to this one: the first term left out is below 2**-53 for |s| <= 0.1716
LAW_TOTAL: Final = 2**32  # the weights of a law of days add up to this


def log(x: F64) -> F64:
    """Return the natural logarithm of positive, normal numbers, float64[n]; error below 4e-16 max(1, |log x|).

    Source: log(m) = 2 artanh(s), s = (m - 1) / (m + 1), with m scaled into [1/sqrt(2), sqrt(2)).
    """
    m, exponent = np.frexp(x)
    small = m < 0.7071067811865476
    m = np.where(small, m * 2.0, m)
    exponent = exponent - small
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = np.zeros_like(s)
    for power in range(TERMS, 0, -2):
        series = series * square + 1.0 / power
    return 2.0 * s * series + exponent * LN2


def uniform(word: U64) -> F64:
    """Return numbers of the open interval (0, 1), each an odd multiple of 2**-53, from 64 random bits each."""
    return ((word >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def exponential(word: U64) -> F64:
    """Return draws of Exp(1), float64[n], from 64 random bits each."""
    return -log(uniform(word))


def check_law(law: tuple[int, ...], name: str) -> None:
    """Refuse a law of days whose weights do not add up to 2**32.

    Raises:
        ParameterError: it is empty, has a negative weight, or another total.
    """
    if not law or min(law) < 0 or sum(law) != LAW_TOTAL:
        raise ParameterError(
            f"{name}: {len(law)} weights add up to {sum(law)}; they must be non-negative and add up to 2**32"
        )
