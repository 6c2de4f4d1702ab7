"""Laws of days as one parameter each: their mean, and how all weights move with it."""

import abc
from dataclasses import dataclass
from typing import Final, Self, final

import numpy as np
from scipy.optimize import brentq

from lpm_secure.config.day_law import DayLaw
from protocols.arithmetic.distributions import F64, LAW_TOTAL
from protocols.errors import ParameterError

STEEPEST: Final = 50.0  # tilt of a law, per day


class LawFamily(abc.ABC):
    """Laws of `d + 1` days, one for each mean. Subclasses are final."""

    @property
    @abc.abstractmethod
    def mean(self) -> float:
        """Return the mean, which the family is indexed by."""

    @property
    @abc.abstractmethod
    def sd(self) -> float:
        """Return the standard deviation."""

    @property
    @abc.abstractmethod
    def day_law(self) -> DayLaw:
        """Return the law, and how it changes with the mean."""

    @abc.abstractmethod
    def shift(self, by: float) -> Self:
        """Return the law of another mean."""


@final
@dataclass(frozen=True, slots=True)
class GammaLaw(LawFamily):
    """A gamma distribution cut into steps, at a fixed standard deviation; means of the distribution that is cut."""

    mean: float
    sd: float
    dt: float = 1.0

    @property
    def day_law(self) -> DayLaw:
        """Return the cut law."""
        return DayLaw.of(self.mean, self.sd, dt=self.dt)

    def shift(self, by: float) -> Self:
        """Return the law of another mean."""
        return type(self)(self.mean + by, self.sd, self.dt)


@final
@dataclass(frozen=True, slots=True)
class TiltedLaw(LawFamily):
    """Any law, tilted: weights times `exp(a d)`, scaled to 1, with the `a` that gives the mean.

    The derivative is `dp_d / dmean = p_d (d - mean) / variance`; a day that has no weight gets none.

    Source: Efron, Exponential Families in Theory and Practice (2022): the family through a law whose statistic is d.
    """

    weights: tuple[int, ...]

    @property
    def _chance(self) -> F64:
        return np.array(self.weights, dtype=np.float64) / LAW_TOTAL

    @property
    def mean(self) -> float:
        """Return the mean."""
        return float(self._chance @ np.arange(1, len(self.weights) + 1))

    @property
    def sd(self) -> float:
        """Return the standard deviation."""
        return float(np.sqrt(self._chance @ (np.arange(1, len(self.weights) + 1) - self.mean) ** 2))

    @property
    def day_law(self) -> DayLaw:
        """Return the law and its slope along the family; 0 where all weight is on one day."""
        chance, days = self._chance, np.arange(1, len(self.weights) + 1)
        slope = chance * (days - self.mean) / self.sd**2 if self.sd else np.zeros(len(days))
        return DayLaw(self.weights, chance, slope)

    def shift(self, by: float) -> Self:
        """Return the law of another mean.

        Raises:
            ParameterError: the mean would lie on or beyond the shortest or the longest stay.
        """
        chance, days = self._chance, np.arange(1, len(self.weights) + 1)
        there, target = np.flatnonzero(chance), self.mean + by
        if not days[there[0]] < target < days[there[-1]]:
            raise ParameterError(
                f"a law of {days[there[0]]} to {days[there[-1]]} days cannot have mean {target:g}; move it less"
            )

        def tilted(tilt: float) -> F64:
            logs = np.where(chance > 0, tilt * (days - target), -np.inf)
            raised = chance * np.exp(logs - logs.max())
            return np.asarray(raised / raised.sum())

        tilt = brentq(lambda a: tilted(a) @ days - target, -STEEPEST, STEEPEST, xtol=1e-12)
        bounds = np.rint(np.cumsum(tilted(tilt)) * LAW_TOTAL).astype(np.int64)
        return type(self)(tuple(np.diff(bounds, prepend=0).tolist()))
