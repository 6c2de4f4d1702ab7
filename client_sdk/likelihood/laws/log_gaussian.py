"""Positive values with a relative error: Gaussian on the log scale, in numpy."""

from dataclasses import dataclass
from typing import final

import numpy as np

from client_sdk.likelihood.laws.normal_interval import log_law
from client_sdk.likelihood.likelihood import Derivatives, Likelihood
from client_sdk.likelihood.series import F64, Series
from protocols.errors import DataError


@final
@dataclass(frozen=True, slots=True, eq=False)
class LogGaussian(Likelihood):
    """See `Likelihood`; what is expected is the median, and the spread the standard deviation of the log."""

    def __post_init__(self) -> None:
        """Refuse values that have no log."""
        require_positive(self.series)

    def log_likelihood(self, mean: F64, spread: float) -> Derivatives:
        """See `Likelihood`."""
        series = self.series
        with np.errstate(divide="ignore"):
            bounds = np.log(np.maximum(series.least, 0.0)), np.log(series.most)
        least, most = ((bound - np.log(mean)) / spread for bound in bounds)
        value, by_least, by_most, by_unit = log_law(least, most, series.censored, series.known)
        density = series.known & ~series.censored
        unit = np.where(density, np.log(spread) + np.where(density, bounds[1], 0.0), 0.0)
        return value - unit, -(by_least + by_most) / spread, by_unit

    def information(self, mean: F64, spread: float) -> F64:
        """See `Likelihood`."""
        return np.full_like(mean, 1.0 / spread**2)

    def deviation(self, values: F64, mean: F64) -> F64:
        """See `Likelihood`: values are positive, and have a log."""
        return np.asarray(np.log(values) - np.log(mean))

    def draw(self, mean: F64, spread: F64 | float, rng: np.random.Generator) -> F64:
        """See `Likelihood`."""
        return np.asarray(mean * np.exp(spread * rng.standard_normal(mean.shape)))


def require_positive(series: Series) -> None:
    """Refuse values that have no log.

    Raises:
        DataError: one is not positive; with its period.
    """
    wrong = series.known & ~(series.most > 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        raise DataError(f"period {row} is not positive; give a positive value, an upper bound, or nothing", row=row)
