"""Counts whose variance is `mean + mean**2 / r`: negative binomial, in numpy."""

from dataclasses import dataclass
from math import lgamma
from typing import Final, final

import numpy as np

from client_sdk.likelihood.laws.count_interval import LARGEST, CountLikelihood, log_gamma
from client_sdk.likelihood.likelihood import Derivatives
from client_sdk.likelihood.series import F64

SHIFT: Final = 8  # the asymptotic series of digamma is exact to 1e-12 from here on


@final
@dataclass(frozen=True, slots=True, eq=False)
class NegativeBinomial(CountLikelihood):
    """See `Likelihood`; the spread is r, the larger the narrower."""

    def _law(self, counts: F64, mean: F64, spread: float) -> Derivatives:
        y, r, mu = counts, spread, mean
        total = np.log(r + mu)
        constant = log_gamma(y + r) - lgamma(r) - log_gamma(y + 1.0)
        log_p = constant + r * (np.log(r) - total) + y * (np.log(mu) - total)
        by_mean = r * (y - mu) / (r + mu)
        by_spread = r * (digamma(y + r) - digamma(np.array(r)) + np.log(r) - total + 1.0 - (r + y) / (r + mu))
        return log_p, by_mean, by_spread

    def information(self, mean: F64, spread: float) -> F64:
        """See `Likelihood`."""
        return np.asarray(spread * mean / (spread + mean))

    def draw(self, mean: F64, spread: F64 | float, rng: np.random.Generator) -> F64:
        """See `Likelihood`."""
        return rng.negative_binomial(spread, spread / (spread + np.minimum(mean, LARGEST))).astype(np.float64)

    def noise_beside_walk(self, mean: F64, spread: float) -> F64:
        """See `Likelihood`: that of `draw_beside_walk`."""
        return np.asarray(1.0 / mean)

    def draw_beside_walk(self, mean: F64, spread: float, rng: np.random.Generator) -> F64:
        """See `Likelihood`: the walk spreads the mean, so counts beside it are Poisson."""
        return rng.poisson(np.minimum(mean, LARGEST)).astype(np.float64)


def digamma(x: F64) -> F64:
    """Return the derivative of log gamma; Abramowitz and Stegun 6.3.5 and 6.3.18."""
    steps = np.arange(SHIFT)
    z = x + SHIFT
    below = (1.0 / (x[..., None] + steps)).sum(axis=-1)
    square = 1.0 / (z * z)
    tail = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return np.asarray(np.log(z) - 0.5 / z - tail - below)
