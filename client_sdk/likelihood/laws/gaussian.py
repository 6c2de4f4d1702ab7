"""Values of any sign with an error of one size: Gaussian, in numpy."""

from dataclasses import dataclass
from typing import final

import numpy as np

from client_sdk.likelihood.laws.normal_interval import log_law
from client_sdk.likelihood.likelihood import Derivatives, Likelihood
from client_sdk.likelihood.series import F64


@final
@dataclass(frozen=True, slots=True, eq=False)
class Gaussian(Likelihood):
    """See `Likelihood`; the spread is the standard deviation, in the series' unit."""

    def log_likelihood(self, mean: F64, spread: float) -> Derivatives:
        """See `Likelihood`."""
        series = self.series
        least, most = ((bound - mean) / spread for bound in (series.least, series.most))
        value, by_least, by_most, by_unit = log_law(least, most, series.censored, series.known)
        density = series.known & ~series.censored
        return value - density * np.log(spread), -(by_least + by_most) * mean / spread, by_unit

    def information(self, mean: F64, spread: float) -> F64:
        """See `Likelihood`."""
        return np.asarray((mean / spread) ** 2)

    def draw(self, mean: F64, spread: F64 | float, rng: np.random.Generator) -> F64:
        """See `Likelihood`."""
        return np.asarray(mean + spread * rng.standard_normal(mean.shape))
