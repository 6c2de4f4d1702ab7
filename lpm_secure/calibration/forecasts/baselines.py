"""What an institution could do alone: carry the last count on, or fit a trend to its own values."""

from typing import Final

import numpy as np
from scipy import optimize, special

from client_sdk.private.table import F64

CALM: Final = 0.05  # least step of a log count, a period
ONLY_STEP: Final = 1.0  # where there is one count alone
MOST: Final = 20.0  # of a log mean
LARGEST_R: Final = 1e4


def persistence(series: F64, ahead: int, count: int, rng: np.random.Generator) -> F64:
    """Return draws of a random walk on log counts from the last one, with steps as large as so far.

    Args:
        series: float64[W], a guess where only bounds are known, nan where missing; what is below 0 counts as 0.
        ahead: periods to forecast.
        count: of draws.
        rng: of the draws.

    Returns:
        float64[count, ahead].
    """
    last, step = log_walk(series)
    return counts_of(last + step * np.cumsum(rng.standard_normal((count, ahead)), axis=1))


def log_walk(series: F64) -> tuple[float, float]:
    """Return the log of the last count, and the typical step of log counts so far."""
    log_counts = np.log(reports(series)[1] + 1.0)
    step = max(float(np.sqrt(np.mean(np.diff(log_counts) ** 2))), CALM) if log_counts.size > 1 else ONLY_STEP
    return float(log_counts[-1]), step


def counts_of(log_counts: F64) -> F64:
    """Return the counts of which these are logs, at least 0."""
    return np.asarray(np.maximum(np.exp(np.minimum(log_counts, MOST)) - 1.0, 0.0))


def trend(series: F64, ahead: int, count: int, rng: np.random.Generator) -> F64:
    """Return draws of a negative binomial regression on the period, with its parameters' uncertainty.

    Arguments and result are as for `persistence`. Three parameters by maximum likelihood with a weak ridge; their
    uncertainty is the Gaussian of the curvature.
    """
    week, y = reports(series)
    centre, width = week.mean(), max(float(np.ptp(week)), 1.0)

    def loss(b: F64) -> float:
        return -float(_log_p(y, _mean(b, (week - centre) / width), b[2]).sum()) + 0.5 * float((b**2).sum()) / 100.0

    start = np.array([np.log(y.mean() + 0.5), 0.0, np.log(10.0)])
    best = optimize.minimize(loss, start, method="BFGS")
    drawn = rng.multivariate_normal(best.x, best.hess_inv, size=count, method="eigh")
    future = (series.size - 1 + np.arange(1, ahead + 1) - centre) / width
    mean = np.exp(np.clip(drawn[:, :1] + drawn[:, 1:2] * future, -MOST, 13.0))
    r = np.clip(np.exp(np.clip(drawn[:, 2:], -MOST, MOST)), 1e-3, LARGEST_R)
    return rng.negative_binomial(r, r / (r + mean)).astype(np.float64)


def reports(series: F64) -> tuple[F64, F64]:
    """Return the periods that have a value, and their values, at least 0; one of 0 where there is none."""
    week = np.flatnonzero(np.isfinite(series))
    if not week.size:
        return np.zeros(1), np.zeros(1)
    return week.astype(np.float64), np.maximum(series[week], 0.0)


def _mean(b: F64, x: F64) -> F64:
    return np.asarray(np.exp(np.clip(b[0] + b[1] * x, -MOST, MOST)))


def _log_p(y: F64, mean: F64, log_r: float) -> F64:
    r = min(float(np.exp(np.clip(log_r, -MOST, MOST))), LARGEST_R)
    constant = special.gammaln(y + r) - special.gammaln(r) - special.gammaln(y + 1.0)
    return np.asarray(constant + r * np.log(r / (r + mean)) + y * np.log(mean / (r + mean)))
