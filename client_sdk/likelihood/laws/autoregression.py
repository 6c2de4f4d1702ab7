"""Laws whose errors are alike from period to period, as those of stocks: an autoregression of first order, in numpy."""

import abc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from client_sdk.likelihood.laws.normal_interval import log_law
from client_sdk.likelihood.likelihood import Derivatives, Likelihood
from client_sdk.likelihood.series import F64, Mask

PERSISTENCE: Final = np.linspace(0.05, 0.95, 10)  # of an error from one period to the next; all as likely at first
I64 = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class AutoregressiveLikelihood(Likelihood):
    """See `Likelihood`; the spread is the standard deviation of an error, in the unit of errors. Subclasses are final.

    A value follows the last one before it that is known exactly, across whatever lies between: the error keeps the part
    `rho**gap`. A censored value has the probability of its bounds after that value, and nothing follows it, so the
    probabilities of all values add up to 1. What rho is is integrated out over `persistence`.

    Attributes:
        persistence: float64[K], values of rho, equally likely.
    """

    persistence: F64 = field(repr=False, default_factory=PERSISTENCE.copy)

    @abc.abstractmethod
    def _error(self, values: F64, mean: F64) -> F64:
        """Return the errors of values, -inf for a bound that is none."""

    @abc.abstractmethod
    def _slope(self, mean: F64) -> F64:
        """Return minus the derivative of an error by the log of its mean."""

    @abc.abstractmethod
    def _log_unit(self) -> F64:
        """Return the log of a value's unit in that of errors at each value that is known exactly, float64[W]."""

    @abc.abstractmethod
    def _value(self, mean: F64, error: F64) -> F64:
        """Return the values of errors."""

    def log_likelihood(self, mean: F64, spread: float) -> Derivatives:
        """See `Likelihood`: a period's logarithm is given those before it; derivatives are of the sum of all."""
        value, by_mean, by_spread, weight = self._by_persistence(mean, spread)
        path = np.cumsum(value, axis=-1)
        largest = path.max(axis=0)
        whole = largest + np.log(np.exp(path - largest).mean(axis=0))
        return np.diff(whole, axis=-1, prepend=0.0), (weight * by_mean).sum(axis=0), (weight * by_spread).sum(axis=0)

    def information(self, mean: F64, spread: float) -> F64:
        """See `Likelihood`: of a period after those before it, on the log of all means together."""
        previous, gap = self._previous()
        kept, width = self._after(gap, mean.ndim)
        slope = self._slope(mean) / spread
        before = np.where(gap > 0, slope[..., previous], 0.0)
        weight = self._by_persistence(mean, spread)[3]
        return np.asarray((weight * ((slope - kept * before) / width) ** 2).sum(axis=0))

    def draw(self, mean: F64, spread: F64 | float, rng: np.random.Generator) -> F64:
        """See `Likelihood`; the last axis is of periods."""
        rho = rng.choice(self.persistence, size=mean.shape[:-1])
        error = _continue(rng.standard_normal(mean.shape[:-1]), rho, mean.shape[-1], rng)
        return self._value(mean, spread * error)

    def draw_after(self, mean: F64, spread: float, own: Callable[[F64], F64], rng: np.random.Generator) -> F64:
        """See `Likelihood`: the last error falls back as the law has it, and no other deviation is beside it."""
        w = self.series.periods
        near, draws = mean[:, :w], np.arange(mean.shape[0])
        weight = self._by_persistence(near, spread)[3][..., 0]  # [K, S]
        point = (np.cumsum(weight, axis=0) < rng.random(weight.shape[1])).sum(axis=0).clip(max=weight.shape[0] - 1)
        rho, exact = self.persistence[point], np.flatnonzero(np.isfinite(self.series.exact))
        error = rng.standard_normal(draws.size)
        if exact.size:
            last = int(exact[-1])
            kept = rho ** (w - last)
            seen = self._error(self.series.exact[last : last + 1], near[:, last : last + 1])[:, 0] / spread
            error = kept * seen + np.sqrt(1.0 - kept**2) * error
        return self._value(mean[:, w:], spread * _continue(error, rho, mean.shape[1] - w, rng))

    def _by_persistence(self, mean: F64, spread: float) -> tuple[F64, F64, F64, F64]:
        """Return log likelihoods by period and the sum's derivatives, float64[K, ..., W], and weights [K, ..., 1]."""
        series, (previous, gap) = self.series, self._previous()
        kept, width = self._after(gap, mean.ndim)
        least, most = (self._error(bound, mean) / spread for bound in (series.least, series.most))
        seen = np.where(gap > 0, most[..., previous], 0.0)
        least, most = (least - kept * seen) / width, (most - kept * seen) / width
        value, by_least, by_most, by_unit = log_law(least, most, series.censored, series.known)
        density: Mask = series.known & ~series.censored
        value = value - np.where(density, np.log(spread * width) + self._log_unit(), 0.0)
        by_bound, slope = (by_least + by_most) / width, self._slope(mean) / spread
        by_mean = -by_bound * slope
        for period in np.flatnonzero(gap > 0):
            at = previous[period]
            by_mean[..., at] += by_bound[..., period] * kept[..., period] * slope[..., at]
        total = value.sum(axis=-1, keepdims=True)
        weight = np.exp(total - total.max(axis=0))
        return value, by_mean, by_unit, weight / weight.sum(axis=0)

    def _previous(self) -> tuple[I64, I64]:
        """Return for each period the last one before it that is known exactly, and how long ago; 0 where none is."""
        exact, place = np.isfinite(self.series.exact), np.arange(self.series.periods)
        last = np.maximum.accumulate(np.where(exact, place, -1))
        previous = np.append(-1, last[:-1]) if last.size else last
        return np.maximum(previous, 0), np.where(previous >= 0, place - previous, 0)

    def _after(self, gap: I64, dimensions: int) -> tuple[F64, F64]:
        """Return the part of an error that is kept after each gap, and the spread of what is new, [K, 1.., W]."""
        rho = self.persistence.reshape(-1, *[1] * dimensions)
        kept = np.where(gap > 0, rho**gap, 0.0)
        return kept, np.sqrt(1.0 - kept**2)


def _continue(error: F64, rho: F64, periods: int, rng: np.random.Generator) -> F64:
    """Return a path of standard errors that begins with one, float64[..., periods]."""
    path = [error]
    for _ in range(periods - 1):
        path.append(rho * path[-1] + np.sqrt(1.0 - rho**2) * rng.standard_normal(np.shape(error)))
    return np.stack(path[:periods], axis=-1) if periods else np.zeros((*np.shape(error), 0))
