"""From random words to the numbers that models need, with the same bits on every machine.

Only additions, multiplications and divisions are used, which IEEE 754 rounds the same way everywhere. The logarithms of
mathematics libraries differ in the last bit between machines, and one bit would end parity.
"""

import itertools
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import U64
from protocols.errors import ParameterError

F64 = npt.NDArray[np.float64]

LN2: Final = 0.6931471805599453
TERMS: Final = 19  # odd powers up to this one: the first term left out is below 2**-53 for |s| <= 0.1716
LAW_TOTAL: Final = 2**32  # the weights of a law of days add up to this
SHARE_ERROR: Final = 1e-6  # by how much probabilities may miss 1, as they are written in decimals


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


def weigh_shares(given: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    """Return the weights of a law from shares that add up to 1, each off by 2**-32 at most; all else as it is.

    Raises:
        ParameterError: a share is too small to be a weight.
    """
    if not all(isinstance(each, (int, float)) and each >= 0 for each in given) or abs(sum(given) - 1) > SHARE_ERROR:
        return given
    total = math.fsum(given)
    bounds = [round(math.fsum(given[:day]) / total * LAW_TOTAL) for day in range(len(given) + 1)]
    weights = tuple(after - before for before, after in itertools.pairwise(bounds))
    for share, weight in zip(given, weights, strict=True):
        if share and not weight:
            raise ParameterError(f"{name} has the share {share:g}; give 0, or at least 2**-31")
    return weights
