"""Laws of counts, of which some are known by bounds alone: all counts between them, and the law of their mixture."""

import abc
from dataclasses import dataclass, field
from math import lgamma
from typing import Final

import numpy as np

from client_sdk.likelihood.likelihood import Derivatives, Likelihood
from client_sdk.likelihood.series import F64, Mask, Series
from protocols.errors import DataError

LARGEST: Final = 1e6
WIDEST: Final = 1000  # counts between two bounds


@dataclass(frozen=True, slots=True, eq=False)
class CountLikelihood(Likelihood):
    """See `Likelihood`; a count that is a mean need not be whole. Subclasses are final."""

    _counts: F64 = field(init=False, repr=False)  # [W, K]: what each count can have been
    _possible: Mask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """List for each period what its count can have been."""
        counts, possible = alternatives(self.series)
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "_possible", possible)

    def log_likelihood(self, mean: F64, spread: float) -> Derivatives:
        """See `Likelihood`."""
        return mix(self._possible, *self._law(self._counts, mean[..., None], spread))

    def log_beside_walk(self, mean: F64) -> F64:
        """See `Likelihood`: of Poisson counts, to second order."""
        return np.asarray(np.log1p(mean) - 0.5 * mean / (mean + 1.0) ** 2)

    @abc.abstractmethod
    def _law(self, counts: F64, mean: F64, spread: float) -> Derivatives:
        """Return the log probability of counts, and its derivatives by the logs of mean and spread."""


def alternatives(series: Series) -> tuple[F64, Mask]:
    """Return what each count can have been, float64[W, K], and which of these there are, bool[W, K].

    Raises:
        DataError: a value is no count, or bounds hold no count, or more than `WIDEST`; with its period.
    """
    known, censored = series.known, series.censored
    first = np.where(censored, np.ceil(np.maximum(series.least, 0.0)), series.most)
    last = np.where(censored, np.floor(series.most), series.most)
    wrong = known & ~((first >= 0) & (first <= last) & (last <= LARGEST))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        raise DataError(f"period {row} is no count; give 0 to {LARGEST:.0f}, bounds, or nothing", row=row)
    width = np.where(censored, last - first + 1.0, 1.0)
    if (width > WIDEST).any():
        row = int(np.flatnonzero(width > WIDEST)[0]) + 1
        raise DataError(f"period {row} is one of more than {WIDEST} counts; give closer bounds, or nothing", row=row)
    each = np.arange(int(width.max(initial=1.0)), dtype=np.float64)
    possible = known[:, None] & (each < width[:, None])
    start = np.where(known, first, 0.0)[:, None]
    return np.where(possible, start + each, start), possible


def mix(possible: Mask, log_p: F64, by_mean: F64, by_spread: F64) -> Derivatives:
    """Return the log of the summed probability of what is possible, and its derivatives; 0 where nothing is.

    Args:
        possible: bool[W, K].
        log_p: float64[..., W, K], of each count alone; by_mean, by_spread: its derivatives.

    Returns:
        three times float64[..., W].
    """
    told = np.asarray(possible.any(axis=-1))
    log_p = np.where(possible, log_p, -np.inf)
    largest = np.where(told, log_p.max(axis=-1), 0.0)
    weight = np.where(told[:, None], np.exp(log_p - largest[..., None]), 0.0)
    total = np.where(told, weight.sum(axis=-1), 1.0)
    share = weight / total[..., None]
    value = np.where(told, largest + np.log(total), 0.0)
    return value, (share * by_mean).sum(axis=-1), (share * by_spread).sum(axis=-1)


def log_gamma(x: F64) -> F64:
    """Return the log of gamma, element by element."""
    return np.array([lgamma(value) for value in x.reshape(-1).tolist()]).reshape(x.shape)
