"""The likelihood of a series of counts: negative binomial, with censored and missing weeks; in numpy."""

from dataclasses import dataclass, field
from math import lgamma
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.errors import DataError

F64 = npt.NDArray[np.float64]
CENSORED: Final = -1.0  # in a series: a count of 1 to 3 that is not told exactly
HIDDEN_COUNTS: Final = (1.0, 2.0, 3.0)
LARGEST: Final = 1e6
SHIFT: Final = 8  # the asymptotic series of digamma is exact to 1e-12 from here on


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """A series of W weeks.

    Attributes:
        series: float64[W], at least 0; `CENSORED` for 1 to 3; nan where missing.
    """

    series: F64 = field(repr=False)
    _alternatives: F64 = field(init=False, repr=False)  # [W, 3]: what each count can have been
    _possible: npt.NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check, and list for each week what its count can have been."""
        wrong = ~(np.isnan(self.series) | (self.series == CENSORED) | ((self.series >= 0) & (self.series <= LARGEST)))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"week {row + 1} is no count; give 0 to {LARGEST:.0f}, {CENSORED:g}, or nothing", row=row + 1
            )
        censored, known = self.series == CENSORED, self.series >= 0
        exact = np.where(known, self.series, 0.0)[:, None]
        object.__setattr__(self, "_alternatives", np.where(censored[:, None], HIDDEN_COUNTS, exact))
        possible = np.stack([known | censored, censored, censored], axis=-1)
        object.__setattr__(self, "_possible", possible)

    @property
    def told(self) -> npt.NDArray[np.bool_]:
        """bool[W]: which weeks say anything."""
        return np.asarray(self._possible.any(axis=-1))

    @property
    def guess(self) -> F64:
        """float64[W]: the counts, 2 where censored, nan where missing."""
        return np.where(self.series == CENSORED, 2.0, self.series)

    @property
    def weeks(self) -> int:
        """W."""
        return self.series.size

    def log_likelihood(self, mean: F64, dispersion: float) -> tuple[F64, F64, F64]:
        """Return the log likelihood of each week, and its derivatives by the logs of mean and dispersion.

        Args:
            mean: float64[..., W], positive.
            dispersion: r of the negative binomial, whose variance is mean + mean^2 / r.

        Returns:
            three times float64[..., W], 0 where a week is missing.
        """
        y, r, mu = self._alternatives, dispersion, mean[..., None]
        total = np.log(r + mu)
        constant = _log_gamma(y + r) - lgamma(r) - _log_gamma(y + 1.0)
        log_p = constant + r * (np.log(r) - total) + y * (np.log(mu) - total)
        by_mean = r * (y - mu) / (r + mu)
        by_dispersion = r * (_digamma(y + r) - _digamma(np.array(r)) + np.log(r) - total + 1.0 - (r + y) / (r + mu))
        log_p = np.where(self._possible, log_p, -np.inf)
        told = self.told
        largest = np.where(told, log_p.max(axis=-1), 0.0)
        weight = np.where(told[:, None], np.exp(log_p - largest[..., None]), 0.0)
        sum_ = np.where(told, weight.sum(axis=-1), 1.0)
        share = weight / sum_[..., None]
        value = np.where(told, largest + np.log(sum_), 0.0)
        return value, (share * by_mean).sum(axis=-1), (share * by_dispersion).sum(axis=-1)


def _log_gamma(x: F64) -> F64:
    flat = [lgamma(value) for value in x.reshape(-1).tolist()]
    return np.array(flat).reshape(x.shape)


def _digamma(x: F64) -> F64:
    """Return the derivative of log gamma; Abramowitz and Stegun 6.3.5 and 6.3.18."""
    steps = np.arange(SHIFT)
    z = x + SHIFT
    below = (1.0 / (x[..., None] + steps)).sum(axis=-1)
    square = 1.0 / (z * z)
    tail = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return np.asarray(np.log(z) - 0.5 / z - tail - below)
