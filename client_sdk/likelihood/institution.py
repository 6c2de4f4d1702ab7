"""An institution's part of a calibration: its own series, its private catchment, and the gradient that it answers."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.likelihood.likelihood import Likelihood
from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series import Series
from client_sdk.secure_sum.contribution import F64
from protocols.errors import ParameterError

LARGEST_LOG: Final = 50.0  # of what is expected of a place; nothing is counted beyond exp(50)
NO_SHARE: Final = -800.0  # log of a share of 0, whose exponential is 0
RATE: Final = 0.05  # of Adam's local steps
DECAYS: Final = (0.9, 0.99)
FURTHEST: Final = 8.0  # a log share or spread stays so near to its prior's median
SCORING_STEPS: Final = 5  # of Fisher scoring for the size; from its start, two are enough for a smooth series
LONGEST_STEP: Final = 1.0


@final
@dataclass(slots=True)
class SeriesInstitution:
    """Holds an institution's series, and learns its own catchment and spread as rounds go by.

    Expected values are `exp(a) * sum_b share_b x_b`. The size `a ~ N(0, size_sd**2)` is found anew for each
    published draw, as its mode given that draw (Laplace's approximation of integrating it out, without the
    determinant, which hardly depends on x). So a draw is never judged by a size that was learnt from other draws, and
    the level of all places, which only the sizes of all institutions together tell, keeps its true uncertainty.

    Attributes:
        series: its own.
        share: float64[B], the prior's median of the share of each place that is seen here; 0 where none is.
        observation: by which law, and priors of what is private.
        local_steps: gradient steps on own parameters in each round; 0 keeps them as they are.
        period_days: days in a period, for forecasts.
        local: float64[B + 1], logs of own shares and spread. Private.

    Security: nothing leaves but `answer`'s gradient, which the caller clips, encodes and shares.
    """

    series: Series = field(repr=False)
    share: F64 = field(repr=False)
    observation: Observation
    local_steps: int = 2
    period_days: int = 7
    local: F64 = field(init=False, repr=False)
    likelihood: Likelihood = field(init=False, repr=False)
    _moments: F64 = field(init=False, repr=False)
    _time: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        """Start at the prior's median."""
        check_shares(self.share)
        self.likelihood = self.observation.likelihood_of(self.series)
        self.local = self._median.copy()
        self._moments = np.zeros((2, self.local.size))

    @property
    def _median(self) -> F64:
        shares = np.log(self.share, out=np.full(self.share.shape, NO_SHARE), where=self.share > 0)
        return np.append(shares, np.log(self.observation.median_spread))

    @property
    def _prior_sd(self) -> F64:
        return np.append(np.full(self.share.size, self.observation.share_sd), self.observation.log_spread_sd)

    def predict_mean(self, log_expected: F64) -> F64:
        """Return expected values by shares alone, size 1: float64[..., W], from float64[..., B, W]."""
        return np.asarray(np.einsum("b,...bw->...w", np.exp(self.local[:-1]), np.exp(log_expected)))

    @property
    def state(self) -> F64:
        """What this institution has learnt: own parameters, their moments and the number of steps; float64, private."""
        return np.append(np.stack([self.local, *self._moments]).reshape(-1), float(self._time))

    def resume(self, state: F64) -> None:
        """Go on from what `state` was.

        Raises:
            ParameterError: of an institution with other places.
        """
        if state.size != 3 * self.local.size + 1:
            raise ParameterError(
                f"got {state.size} numbers of an institution's state; it has {3 * self.local.size + 1}"
            )
        learnt = state[:-1].reshape(3, -1)
        self.local, self._moments, self._time = learnt[0].copy(), learnt[1:].copy(), int(state[-1])

    @property
    def spread(self) -> float:
        """The own law's second parameter."""
        return float(np.exp(self.local[-1]))

    def size(self, mean: F64) -> tuple[F64, F64]:
        """Return the mode of own log size given expected values, and its precision.

        Args:
            mean: float64[S, W], for the periods of the series.

        Returns:
            float64[S], and float64[S].
        """
        size_sd, series = self.observation.size_sd, self.series
        prior = 1.0 / max(size_sd, 1e-9) ** 2
        known, spread = series.known, self.spread
        a = np.zeros(mean.shape[:-1])
        if size_sd == 0 or not known.any():
            return a, np.full_like(a, prior)
        level = max(float(series.guess[known].sum()), 0.0)
        a = np.log(level + 1.0) - np.log(mean[..., known].sum(axis=-1) + 1.0)
        for _ in range(SCORING_STEPS):
            mu = mean * np.exp(a)[..., None]
            _, by_mean, _ = self.likelihood.log_likelihood(mu, spread)
            precision = (known * self.likelihood.information(mu, spread)).sum(axis=-1) + prior
            step = (by_mean.sum(axis=-1) - prior * a) / precision
            a = a + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        return a, np.asarray(precision)

    def require(self, shape: tuple[int, ...]) -> None:
        """Refuse a sum over other places or periods than this institution's.

        Raises:
            ParameterError: it has others.
        """
        own = (self.share.size, self.series.periods)
        if len(shape) != 3:
            raise ParameterError(f"got vectors of shape {shape}; an institution answers with draws, places and periods")
        if shape[1:] != own:
            raise ParameterError(
                f"got {own[0]} catchment shares and {own[1]} periods; the run has {shape[-2]} places and {shape[-1]} "
                "periods"
            )

    def accepts(self, announced: F64) -> bool:
        """Tell whether announced numbers can be logs of what is expected: finite, and of no absurd size."""
        return bool(np.isfinite(announced).all() and np.abs(announced).max() <= LARGEST_LOG)

    def vector(self, announced: F64) -> F64:
        """Return the gradient with which this institution answers published draws, float64[S, B, W]."""
        return self.answer(announced)[0]

    def answer(self, log_expected: F64) -> tuple[F64, float]:
        """Learn own parameters from published draws, then return the gradient by what was published.

        Args:
            log_expected: float64[S, B, W], of the places, for each draw of the posterior.

        Returns:
            float64[S, B, W], derivative of each draw's log likelihood; and the log likelihood's mean over the draws.
        """
        for _ in range(self.local_steps):
            self._learn(log_expected)
        value, by_log, _, _ = self._derivatives(log_expected)
        return by_log, float(value.mean())

    def _derivatives(self, log_expected: F64) -> tuple[F64, F64, F64, F64]:
        """Return log likelihoods [S], derivatives [S, B, W], and their means by own shares [B] and spread []."""
        size_sd = self.observation.size_sd
        part = np.exp(self.local[:-1])[:, None] * np.exp(log_expected)
        mean = part.sum(axis=-2)
        a, _ = self.size(mean)
        value, by_mean, by_spread = self.likelihood.log_likelihood(mean * np.exp(a)[..., None], self.spread)
        by_log = by_mean[..., None, :] * part / mean[..., None, :]
        log_p = value.sum(axis=-1) - (0.5 * (a / size_sd) ** 2 if size_sd else 0.0)
        return log_p, by_log, by_log.sum(axis=-1).mean(axis=0), by_spread.sum(axis=-1).mean(axis=0)

    def _learn(self, log_expected: F64) -> None:
        """Take one step of Adam on own parameters: likelihood and prior."""
        _, _, by_share, by_spread = self._derivatives(log_expected)
        sd = self._prior_sd
        free = sd > 0  # what is known does not move
        pull = np.divide(self.local - self._median, sd**2, out=np.zeros(sd.shape), where=free)
        gradient = np.append(by_share, by_spread) * free - pull
        if not np.isfinite(gradient).all():
            return  # draws without measure teach nothing
        self._time += 1
        for moment, decay, seen in zip(self._moments, DECAYS, (gradient, gradient**2), strict=True):
            moment[:] = decay * moment + (1 - decay) * seen
        first, second = (m / (1 - d**self._time) for m, d in zip(self._moments, DECAYS, strict=True))
        moved = self.local + RATE * first / (np.sqrt(second) + 1e-8)
        self.local = np.clip(moved, self._median - FURTHEST, self._median + FURTHEST)


def check_shares(share: F64) -> None:
    """Refuse shares of places that cannot be.

    Raises:
        ParameterError: one is not in [0, 1], or none is above 0.
    """
    if not (np.isfinite(share).all() and (share >= 0).all() and (share <= 1).all() and (share > 0).any()):
        raise ParameterError("a catchment share is not in [0, 1], or all are 0; give each place one, some above 0")
