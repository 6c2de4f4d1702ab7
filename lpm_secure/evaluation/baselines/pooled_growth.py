"""The growth of all institutions' total, damped, applied to the last value of each."""

from typing import Final, final

import numpy as np
from scipy import stats

from client_sdk.private.table import F64
from lpm_secure.calibration.forecasts.baselines import reports
from lpm_secure.evaluation.baselines.baseline import Baseline
from lpm_secure.evaluation.scores.quantiles import LEVELS

PERIODS: Final = 3  # whose totals are opened
DAMPING: Final = 0.7  # of the growth, a period
MOST_GROWTH: Final = 2.0  # of a log total, a period
PRIOR_SQUARE, PRIOR_PERIODS = 0.02, 20  # surprise of a log value, and how many periods of own ones it weighs
NORMAL: Final = 1.4826  # a standard deviation, in units of the median absolute one
WALK, DRIFT = 0.3, 0.05  # what a surprise adds to the variance, by periods ahead and by their square
LEAST_MEAN: Final = 1e-6


@final
class PooledGrowth(Baseline):
    """The mean is `y exp(g (c + c**2 + ... + c**k))`, k periods ahead, around which counts are negative binomial.

    y is the own last value, and g the growth of the log total of all institutions in a period, over the last two. How
    far counts vary comes from the own surprises so far, robustly, beside a prior. Constants were chosen on origins 8 to
    20 of New York's hospitals (`docs/evaluation.md`).

    Security: three numbers of each institution, in a sum.
    """

    @property
    def length(self) -> int:
        """See `Baseline`."""
        return PERIODS

    def summand(self, values: F64) -> F64:
        """Return the last three values, those missing between others filled in; zeros where one is not known."""
        filled = _log_values(values)[-PERIODS:]
        if filled.size < PERIODS or not np.isfinite(values[-1]):
            return np.zeros(PERIODS)
        return np.exp(filled) - 1.0

    def quantiles(self, values: F64, total: F64, ahead: int) -> F64:
        """See `Baseline`."""
        growth = (np.log(total[-1] + 1.0) - np.log(total[0] + 1.0)) / (PERIODS - 1)
        growth = float(np.clip(growth, -MOST_GROWTH, MOST_GROWTH))
        k = np.arange(1.0, ahead + 1.0)
        mean = reports(values)[1][-1] * np.exp(growth * np.cumsum(DAMPING**k))
        variance = np.expm1(_surprise(values) * (WALK * k + DRIFT * k**2))  # relative
        r, mu = 1.0 / variance[:, None], np.maximum(mean, LEAST_MEAN)[:, None]
        return np.asarray(stats.nbinom.ppf(LEVELS, r, r / (r + mu)))


def _log_values(values: F64) -> F64:
    """Return `log(x + 1)` from the first value to the last, linear between where some are missing."""
    period, own = reports(values)
    return np.interp(np.arange(period[0], period[-1] + 1.0), period, np.log(own + 1.0))


def _surprise(values: F64) -> float:
    """Return the typical square of what damped growth misses of the own next log value."""
    step = np.diff(_log_values(values))
    missed = step[1:] - DAMPING * step[:-1]
    own = (NORMAL * float(np.median(np.abs(missed)))) ** 2 if missed.size else 0.0
    return (missed.size * own + PRIOR_PERIODS * PRIOR_SQUARE) / (missed.size + PRIOR_PERIODS)
