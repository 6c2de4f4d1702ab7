"""Counts whose variance is their mean: Poisson, in numpy."""

from dataclasses import dataclass
from typing import final

import numpy as np

from client_sdk.likelihood.laws.count_interval import LARGEST, CountLikelihood, log_gamma
from client_sdk.likelihood.likelihood import Derivatives
from client_sdk.likelihood.series import F64


@final
@dataclass(frozen=True, slots=True, eq=False)
class Poisson(CountLikelihood):
    """See `Likelihood`; the spread says nothing here."""

    def _law(self, counts: F64, mean: F64, spread: float) -> Derivatives:
        log_p = counts * np.log(mean) - mean - log_gamma(counts + 1.0)
        return log_p, counts - mean, np.zeros_like(log_p)

    def information(self, mean: F64, spread: float) -> F64:
        """See `Likelihood`."""
        return mean

    def draw(self, mean: F64, spread: F64 | float, rng: np.random.Generator) -> F64:
        """See `Likelihood`."""
        return rng.poisson(np.minimum(mean, LARGEST)).astype(np.float64)
