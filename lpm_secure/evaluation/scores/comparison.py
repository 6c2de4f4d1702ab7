"""Scores relative to a baseline over many origins, and how sure their mean is."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import stats

FEWEST: Final = 4  # origins that an interval is given for
LEVEL: Final = 0.95


def compare_origins(ratios: Sequence[float], *, lag: int) -> tuple[float, float, float]:
    """Return the geometric mean of ratios of scores, and an interval of 95 % of it; nan where there are few.

    Args:
        ratios: of two methods' scores at origins in order.
        lag: so many origins further forecasts still share periods; the variance of the mean counts what they share.

    Source: Diebold, Mariano 1995 (JBES 13: 253-263), with Bartlett's weights, and Harvey, Leybourne, Newbold 1997
        (Int J Forecasting 13: 281-291) for Student's law.
    """
    logs = np.log(np.asarray(ratios))
    n, mean = logs.size, float(logs.mean())
    if n < FEWEST:
        return float(np.exp(mean)), float("nan"), float("nan")
    off, most = logs - mean, min(lag, n - 1)
    covariance = np.array([off[j:] @ off[: n - j] for j in range(most + 1)]) / n
    weight = 1.0 - np.arange(most + 1) / (most + 1)
    variance = (2.0 * weight @ covariance - covariance[0]) / n
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * float(np.sqrt(max(variance, 0.0)))
    return float(np.exp(mean)), float(np.exp(mean - half)), float(np.exp(mean + half))
