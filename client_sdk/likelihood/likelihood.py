"""What is common to likelihoods of a series: the law of a value around what is expected of it."""

import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from client_sdk.likelihood.series import F64, Series

Derivatives = tuple[F64, F64, F64]
LEAST: Final = 1e-12
LARGEST_LOG: Final = 20.0  # of an expected value


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood(abc.ABC):
    """The likelihood of one series. Subclasses are final, and differ in the law.

    Attributes:
        series: of W periods; values that the law cannot have are refused.
    """

    series: Series = field(repr=False)

    @abc.abstractmethod
    def log_likelihood(self, mean: F64, spread: float) -> Derivatives:
        """Return the log likelihood of each period, and the derivatives of their sum by the logs of mean and spread.

        Args:
            mean: float64[..., W], positive: what is expected.
            spread: the law's second parameter, positive.

        Returns:
            three times float64[..., W], 0 where a period is missing.
        """

    @abc.abstractmethod
    def information(self, mean: F64, spread: float) -> F64:
        """Return the Fisher information of a known value on the log of its mean, float64[..., W]."""

    @abc.abstractmethod
    def draw(self, mean: F64, spread: F64 | float, rng: np.random.Generator) -> F64:
        """Return values drawn from the law, in the shape of the means."""

    def noise_beside_walk(self, mean: F64, spread: float) -> F64:
        """Return the variance of a value around such a mean, in parts of the mean squared, float64[..., W]."""
        return np.asarray(1.0 / np.maximum(self.information(mean, spread), LEAST))

    def log_beside_walk(self, mean: F64) -> F64:
        """Return the mean of `log(x + 1)` of values around such a mean, float64[..., W]."""
        return np.log1p(mean)

    def deviation(self, values: F64, mean: F64) -> F64:
        """Return the log deviation of values, float64[W], from such means, float64[..., W]; nan where missing.

        A value of 0 has no log, so it is that of `x + 1`, less its own mean, over its slope by `log x`: to first order
        a deviation from a small mean is as large as one from a great mean.
        """
        off = np.log1p(np.maximum(values, 0.0)) - self.log_beside_walk(mean)
        return np.asarray(off * (mean + 1.0) / mean)

    def draw_beside_walk(self, mean: F64, spread: float, rng: np.random.Generator) -> F64:
        """Return values drawn around means that walk by themselves, as those of forecasts do."""
        return self.draw(mean, spread, rng)

    def draw_after(self, mean: F64, spread: float, own: Callable[[F64], F64], rng: np.random.Generator) -> F64:
        """Return draws of the periods after the series, float64[S, ahead].

        Args:
            mean: float64[S, W + ahead], what is expected here.
            spread: the law's second parameter.
            own: returns draws of the own log deviation from it after the series, float64[S, ahead], by the noise around
                the means of the series, float64[S, W]; errors that tell nothing of the next one leave it to that.
            rng: of the draws.
        """
        w = self.series.periods
        deviation = own(self.noise_beside_walk(mean[:, :w], spread))
        return self.draw_beside_walk(np.exp(np.minimum(np.log(mean[:, w:]) + deviation, LARGEST_LOG)), spread, rng)
