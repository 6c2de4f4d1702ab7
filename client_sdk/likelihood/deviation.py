"""An institution's own deviation from what is expected: a level that stays and drifts, and a part that falls back."""

import itertools
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series import F64

HALF_NORMAL: Final = (0.157, 0.489, 0.887, 1.534)  # quantiles at 1/8, 3/8, 5/8 and 7/8
HALF_LIVES: Final = (0.5, 1.0, 2.0)  # parts of the prior's median
DRIFT_DAYS: Final = 28.0  # in which the level drifts by `drift_scale`


@final
@dataclass(frozen=True, slots=True, eq=False)
class Deviation:
    """The log of values over expected values: `level + transient + noise`, in periods of some days.

    The level begins somewhere around 0 and walks, so a bias of the catchment stays. The transient part is an
    autoregression around 0. How far the level walks, how large the transient part is and how fast it falls back are
    learned, on a grid of equally likely values.

    Attributes:
        start_sd: of the level before the first period.
        kept: float64[G], share of the transient part that is left after a period.
        sd: float64[G], of the transient part in the long run.
        drift: float64[G], standard deviation of the level's step in a period.
    """

    start_sd: float
    kept: F64 = field(repr=False)
    sd: F64 = field(repr=False)
    drift: F64 = field(repr=False)

    @classmethod
    def of(cls, observation: Observation, period_days: int) -> "Deviation":
        """Return the deviation by the priors of an observation."""
        a_period = np.sqrt(period_days / DRIFT_DAYS)
        grid = np.array(list(itertools.product(HALF_LIVES, HALF_NORMAL, HALF_NORMAL)))
        kept = 0.5 ** (period_days / (observation.half_life_days * grid[:, 0]))
        sd, drift = observation.deviation_scale * grid[:, 1], observation.drift_scale * a_period * grid[:, 2]
        return cls(observation.size_sd, kept, sd, drift)

    def weights(self, off: F64, noise: F64) -> F64:
        """Return the posterior probability of each value of the grid, float64[G], after one series.

        Args:
            off: float64[W], log deviations, nan where missing.
            noise: float64[W], variance of each.
        """
        log_p = self._filter(np.arange(self.kept.size), off, noise)[0]
        weight = np.exp(log_p - log_p.max())
        return np.asarray(weight / weight.sum())

    def draw_later(self, off: F64, noise: F64, weights: F64, ahead: int, rng: np.random.Generator) -> F64:
        """Return draws of the deviation after the last period, float64[S, ahead].

        Args:
            off: float64[S, W], log deviations from each draw of what is expected, nan where missing.
            noise: float64[S, W], variance of each.
            weights: float64[G], of the grid.
            ahead: periods.
            rng: of the draws.
        """
        s = off.shape[0]
        point = rng.choice(np.arange(weights.size), size=s, p=weights)
        _, level, transient, (p_level, p_both, p_transient) = self._filter(point, off, noise)
        first, second, steps = rng.standard_normal(s), rng.standard_normal(s), rng.standard_normal((2, ahead, s))
        root = np.sqrt(np.maximum(p_level, 0.0))
        slope = np.divide(p_both, root, out=np.zeros(s), where=root > 0)
        level = level + root * first
        transient = transient + slope * first + np.sqrt(np.maximum(p_transient - slope**2, 0.0)) * second
        kept, renewed = self.kept[point], self.sd[point] * np.sqrt(1.0 - self.kept[point] ** 2)
        found = np.empty((s, ahead))
        for period in range(ahead):
            level = level + self.drift[point] * steps[0, period]
            transient = kept * transient + renewed * steps[1, period]
            found[:, period] = level + transient
        return found

    def _filter(self, point: NDArray[np.intp], off: F64, noise: F64) -> tuple[F64, F64, F64, tuple[F64, F64, F64]]:
        """Return log likelihood, both parts' means and their covariance after the last period, float64[n] each.

        Args:
            point: int[n], places in the grid.
            off, noise: float64[..., W], with n or no entries before the last axis.
        """
        kept, drift = self.kept[point], self.drift[point] ** 2
        long_run = self.sd[point] ** 2
        log_p, level, transient, p_both = (np.zeros(point.size) for _ in range(4))
        p_level, p_transient = np.full(point.size, self.start_sd**2), long_run
        for period in range(off.shape[-1]):
            if period:
                transient, p_both, p_level = kept * transient, kept * p_both, p_level + drift
                p_transient = kept**2 * p_transient + (1.0 - kept**2) * long_run
            known = np.isfinite(off[..., period])
            seen, var = np.where(known, off[..., period], 0.0), np.where(known, noise[..., period], np.inf)
            total = p_level + 2.0 * p_both + p_transient + var
            miss = seen - level - transient
            log_p = log_p - np.where(known, 0.5 * (np.log(np.where(known, total, 1.0)) + miss**2 / total), 0.0)
            to_level, to_transient = p_level + p_both, p_transient + p_both
            level, transient = level + to_level / total * miss, transient + to_transient / total * miss
            p_level, p_both, p_transient = (
                p_level - to_level**2 / total,
                p_both - to_level * to_transient / total,
                p_transient - to_transient**2 / total,
            )
        return log_p, level, transient, (p_level, p_both, p_transient)
