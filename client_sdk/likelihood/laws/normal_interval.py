"""The standard normal law of a value, or of bounds of it, with derivatives; in numpy, exact far out in the tails."""

import math
from typing import Final

import numpy as np

from client_sdk.likelihood.series import F64, Mask

LOG_ROOT: Final = 0.5 * math.log(2.0 * math.pi)
FAR: Final = -25.0  # from here on the asymptotic series of the tail is exact to 1e-9


def log_density(x: F64) -> F64:
    """Return the log density at x."""
    return np.asarray(-0.5 * x * x - LOG_ROOT)


def log_probability(x: F64) -> F64:
    """Return the log probability of at most x; Abramowitz and Stegun 26.2.12 for the far tail."""
    return np.array([_log_probability(value) for value in x.reshape(-1).tolist()]).reshape(x.shape)


def log_interval(least: F64, most: F64) -> tuple[F64, F64, F64]:
    """Return the log probability between two bounds, and its derivatives by each; `least < most`, and may be -inf."""
    flip = least > 0
    low, high = np.where(flip, -most, least), np.where(flip, -least, most)
    below, above = log_probability(low), log_probability(high)
    value = above + np.log1p(-np.exp(below - above))
    by_least = -np.exp(log_density(least) - value)
    return value, by_least, np.exp(log_density(most) - value)


def log_law(least: F64, most: F64, censored: Mask, known: Mask) -> tuple[F64, F64, F64, F64]:
    """Return the log density of a value or the log probability between bounds, in standard units.

    Args:
        least, most: float64[..., W]; alike where the value is known.
        censored, known: bool[W].

    Returns:
        four times float64[..., W], 0 where nothing is known: the log, its derivatives by both bounds, and by the log
        of the unit in which they are measured, with its part in the density of a value.
    """
    shape = most.shape
    value, by_least, by_most = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    hidden = np.broadcast_to(censored, shape)  # of the others no interval is computed
    if hidden.any():
        value[hidden], by_least[hidden], by_most[hidden] = log_interval(least[hidden], most[hidden])
    x = np.where(known, most, 0.0)
    at = np.where(censored & np.isfinite(least), least, 0.0)
    by_unit = np.where(censored, -by_least * at - by_most * x, x * x - 1.0)
    by_most, value = np.where(censored, by_most, -x), np.where(censored, value, log_density(x))
    each = value, np.where(censored, by_least, 0.0), by_most, by_unit
    return tuple(np.where(known, part, 0.0).reshape(shape) for part in each)  # type: ignore[return-value]


def _log_probability(x: float) -> float:
    if x < FAR:
        if math.isinf(x):
            return -math.inf
        square = 1.0 / (x * x)
        return -0.5 * x * x - LOG_ROOT - math.log(-x) + math.log1p(-square * (1.0 - square * (3.0 - 15.0 * square)))
    if x > 0:
        return math.log1p(-0.5 * math.erfc(x / math.sqrt(2.0)))
    return math.log(0.5 * math.erfc(-x / math.sqrt(2.0)))
