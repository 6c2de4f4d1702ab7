"""A hospital's part of a calibration: its own counts, its private catchment, and the gradient that it answers."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.likelihood.counts import Counts
from client_sdk.secure_sum.contribution import F64
from protocols.errors import ParameterError

LARGEST_LOG: Final = 50.0  # of inpatients; no city has more than exp(50)
SCALE_SD: Final = 0.5  # of the log of a hospital's size, around what its beds suggest
SHARE_SD: Final = 0.3  # of the log of a borough's share beside that
DISPERSION: Final = 20.0
DISPERSION_SD: Final = 1.0
RATE: Final = 0.05  # of Adam's local steps
DECAYS: Final = (0.9, 0.99)
FURTHEST: Final = 8.0  # a log share or dispersion stays so near to its prior's median
SCORING_STEPS: Final = 5  # of Fisher scoring for the size; from its start, two are enough for a smooth series
LONGEST_STEP: Final = 1.0


@final
@dataclass(slots=True)
class Hospital:
    """Holds a hospital's counts, and learns its own catchment and dispersion as rounds go by.

    Expected inpatients are `exp(a) * sum_b share_b x_b`. The size `a ~ N(0, scale_sd**2)` is found anew for each
    published draw, as its mode given that draw (Laplace's approximation of integrating it out, without the
    determinant, which hardly depends on x). So a draw is never judged by a size that was learnt from other draws, and
    the level of the city, which only the sizes of all hospitals together tell, keeps its true uncertainty.

    Attributes:
        counts: its series.
        share: float64[B], the prior's median of the share of each borough's inpatients that lie here.
        local_steps: gradient steps on own parameters in each round; 0 keeps them as they are.
        scale_sd: prior spread of the size; 0 where the shares are known.
        local: float64[B + 1], logs of own shares and dispersion. Private.

    Security: nothing leaves but `answer`'s gradient, which the caller clips, encodes and shares.
    """

    counts: Counts = field(repr=False)
    share: F64 = field(repr=False)
    local_steps: int = 2
    scale_sd: float = SCALE_SD
    local: F64 = field(init=False, repr=False)
    _moments: F64 = field(init=False, repr=False)
    _time: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        """Start at the prior's median."""
        if not (np.isfinite(self.share).all() and (self.share > 0).all() and (self.share <= 1).all()):
            raise ParameterError("a catchment share is not in (0, 1]; give each borough a positive one")
        self.local = self._median.copy()
        self._moments = np.zeros((2, self.local.size))

    @property
    def _median(self) -> F64:
        return np.append(np.log(self.share), np.log(DISPERSION))

    def predict_mean(self, log_inpatients: F64) -> F64:
        """Return expected inpatients by shares alone, size 1: float64[..., W], from float64[..., B, W]."""
        return np.asarray(np.einsum("b,...bw->...w", np.exp(self.local[:-1]), np.exp(log_inpatients)))

    @property
    def state(self) -> F64:
        """What this hospital has learnt: own parameters, their moments and the number of steps; float64, private."""
        return np.append(np.stack([self.local, *self._moments]).reshape(-1), float(self._time))

    def resume(self, state: F64) -> None:
        """Go on from what `state` was.

        Raises:
            ParameterError: of a hospital with other boroughs.
        """
        if state.size != 3 * self.local.size + 1:
            raise ParameterError(f"got {state.size} numbers of a hospital's state; it has {3 * self.local.size + 1}")
        learnt = state[:-1].reshape(3, -1)
        self.local, self._moments, self._time = learnt[0].copy(), learnt[1:].copy(), int(state[-1])

    @property
    def dispersion(self) -> float:
        """Dispersion r of own counts."""
        return float(np.exp(self.local[-1]))

    def size(self, mean: F64) -> tuple[F64, F64]:
        """Return the mode of own log size given `expected` inpatients, and its precision.

        Args:
            mean: float64[S, W], for the weeks of the counts.

        Returns:
            float64[S], and float64[S].
        """
        prior = 1.0 / max(self.scale_sd, 1e-9) ** 2
        told, r = self.counts.told, self.dispersion
        a = np.zeros(mean.shape[:-1])
        if self.scale_sd == 0 or not told.any():
            return a, np.full_like(a, prior)
        a = np.log(self.counts.guess[told].sum() + 1.0) - np.log(mean[..., told].sum(axis=-1) + 1.0)
        for _ in range(SCORING_STEPS):
            mu = mean * np.exp(a)[..., None]
            _, by_mean, _ = self.counts.log_likelihood(mu, r)
            precision = (told * (r * mu / (r + mu))).sum(axis=-1) + prior
            step = (by_mean.sum(axis=-1) - prior * a) / precision
            a = a + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        return a, np.asarray(precision)

    def require(self, shape: tuple[int, ...]) -> None:
        """Refuse a sum over other boroughs or weeks than this hospital's.

        Raises:
            ParameterError: it has others.
        """
        own = (self.share.size, self.counts.weeks)
        if len(shape) != 3:
            raise ParameterError(f"got vectors of shape {shape}; a hospital answers with draws, boroughs and weeks")
        if shape[1:] != own:
            raise ParameterError(
                f"got {own[0]} catchment shares and {own[1]} weeks; the run has {shape[-2]} boroughs and {shape[-1]} "
                "weeks"
            )

    def accepts(self, announced: F64) -> bool:
        """Tell whether announced numbers can be logs of inpatients: finite, and no more than any city has."""
        return bool(np.isfinite(announced).all() and np.abs(announced).max() <= LARGEST_LOG)

    def vector(self, announced: F64) -> F64:
        """Return the gradient with which this hospital answers published draws, float64[S, B, W]."""
        return self.answer(announced)[0]

    def answer(self, log_inpatients: F64) -> tuple[F64, float]:
        """Learn own parameters from published draws, then return the gradient by what was published.

        Args:
            log_inpatients: float64[S, B, W], of the boroughs, for each draw of the posterior.

        Returns:
            float64[S, B, W], derivative of each draw's log likelihood; and the log likelihood's mean over the draws.
        """
        for _ in range(self.local_steps):
            self._learn(log_inpatients)
        value, by_log, _, _ = self._derivatives(log_inpatients)
        return by_log, float(value.mean())

    def _derivatives(self, log_inpatients: F64) -> tuple[F64, F64, F64, F64]:
        """Return log likelihoods [S], derivatives [S, B, W], and their means by own shares [B] and dispersion []."""
        part = np.exp(self.local[:-1])[:, None] * np.exp(log_inpatients)
        mean = part.sum(axis=-2)
        a, _ = self.size(mean)
        value, by_mean, by_dispersion = self.counts.log_likelihood(mean * np.exp(a)[..., None], self.dispersion)
        by_log = by_mean[..., None, :] * part / mean[..., None, :]
        log_p = value.sum(axis=-1) - (0.5 * (a / self.scale_sd) ** 2 if self.scale_sd else 0.0)
        return log_p, by_log, by_log.sum(axis=-1).mean(axis=0), by_dispersion.sum(axis=-1).mean(axis=0)

    def _learn(self, log_inpatients: F64) -> None:
        """Take one step of Adam on own parameters: likelihood and prior."""
        _, _, by_share, by_dispersion = self._derivatives(log_inpatients)
        spread = np.append(np.full(self.share.size, SHARE_SD), DISPERSION_SD)
        gradient = np.append(by_share, by_dispersion) - (self.local - self._median) / spread**2
        if not np.isfinite(gradient).all():
            return  # draws of no epidemic teach nothing
        self._time += 1
        for moment, decay, seen in zip(self._moments, DECAYS, (gradient, gradient**2), strict=True):
            moment[:] = decay * moment + (1 - decay) * seen
        first, second = (m / (1 - d**self._time) for m, d in zip(self._moments, DECAYS, strict=True))
        moved = self.local + RATE * first / (np.sqrt(second) + 1e-8)
        self.local = np.clip(moved, self._median - FURTHEST, self._median + FURTHEST)
