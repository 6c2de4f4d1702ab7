"""Laws of days and their derivatives by the mean: the cut gamma distribution of `lpm_secure.config.laws`."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from scipy import special

from lpm_secure.config.laws import Delay, gamma_of, law_of
from protocols.arithmetic.distributions import F64, LAW_TOTAL

RELATIVE_STEP: Final = 1e-4  # of the mean, for the derivative of the cut law: its error is of order 1e-8


@final
@dataclass(frozen=True, slots=True, eq=False)
class DayLaw:
    """A law of `d + 1` days and how it changes with its mean, at a fixed standard deviation.

    Attributes:
        law: weights in units of 2**-32, as agents draw from it.
        weight: float64[days], the same as probabilities p_d.
        slope: float64[days], dp_d / dmean; adds up to 0.
    """

    law: tuple[int, ...] = field(repr=False)
    weight: F64 = field(repr=False)
    slope: F64 = field(repr=False)

    @classmethod
    def of(cls, mean: float, sd: float, *, dt: float = 1.0) -> "DayLaw":
        """Cut a gamma distribution into steps, and differentiate the cut law.

        Raises:
            ConfigError: the law would be too long or too extreme.
        """
        law = law_of(Delay(mean=mean, sd=sd), dt=dt)
        step = RELATIVE_STEP * mean
        below, above = (_cut(mean + sign * step, sd, len(law), dt) for sign in (-1, 1))
        weight = np.array(law, dtype=np.float64) / LAW_TOTAL
        return cls(law, weight, np.where(weight > 0, (above - below) / (2 * step), 0.0))

    @property
    def score(self) -> F64:
        """d log p_d / dmean, float64[days]; 0 where a day cannot be drawn."""
        return np.divide(self.slope, self.weight, out=np.zeros_like(self.slope), where=self.weight > 0)

    @property
    def shift(self) -> F64:
        """The rate at which a draw of d becomes the next day as the mean grows: -(dF_d / dmean) / p_d, float64[days].

        Draws are by inversion, so a larger mean moves the bounds `F_d` between days. `sum_d p_d shift_d
        (g(d + 1) - g(d)) = sum_d slope_d g(d)` for every function g.
        """
        moved = -np.cumsum(self.slope)
        moved[-1] = 0.0
        return np.divide(moved, self.weight, out=np.zeros_like(moved), where=self.weight > 0)


def _cut(mean: float, sd: float, days: int, dt: float) -> F64:
    """Return the cut law of so many days as probabilities."""
    edges = (np.arange(days + 1) + 0.5) * dt
    edges[0] = 0.0
    shape, scale = gamma_of(Delay(mean=mean, sd=sd))
    below = special.gammainc(shape, edges / scale)
    return np.asarray(np.diff(below) / below[-1])
