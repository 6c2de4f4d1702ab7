"""A hospital's part of a calibration: its own counts, its private catchment, and the gradient that it answers."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.vector_counts import Counts
from protocols.errors import ParameterError

F64 = npt.NDArray[np.float64]
SHARE_SD: Final = 0.5  # of the log of a catchment share, around what the borough's size suggests
DISPERSION: Final = 20.0
DISPERSION_SD: Final = 1.0
RATE: Final = 0.05  # of Adam's local steps
DECAYS: Final = (0.9, 0.99)
FURTHEST: Final = 8.0  # a log share or dispersion stays so near to its prior's median


@final
@dataclass(slots=True)
class Hospital:
    """Holds a hospital's counts, and learns its own catchment and dispersion as rounds go by.

    Attributes:
        counts: its series.
        share: float64[B], the prior's median of the share of each borough's inpatients that lie here.
        local_steps: gradient steps on own parameters in each round; 0 keeps them as they are.
        local: float64[B + 1], logs of own shares and dispersion. Private.

    Security: nothing leaves but `answer`'s gradient, which the caller clips, encodes and shares.
    """

    counts: Counts = field(repr=False)
    share: F64 = field(repr=False)
    local_steps: int = 5
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

    def expected(self, log_inpatients: F64) -> F64:
        """Return this hospital's expected inpatients, float64[..., W], from float64[..., B, W]."""
        return np.asarray(np.einsum("b,...bw->...w", np.exp(self.local[:-1]), np.exp(log_inpatients)))

    @property
    def state(self) -> F64:
        """What this hospital has learnt: own parameters, their moments and the number of steps; float64, private."""
        return np.append(np.stack([self.local, *self._moments]).reshape(-1), float(self._time))

    def go_on(self, state: F64) -> None:
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
        value, by_mean, by_dispersion = self.counts.log_likelihood(mean, self.dispersion)
        by_log = by_mean[..., None, :] * part / mean[..., None, :]
        return value.sum(axis=-1), by_log, by_log.sum(axis=-1).mean(axis=0), by_dispersion.sum(axis=-1).mean(axis=0)

    def _learn(self, log_inpatients: F64) -> None:
        """Take one step of Adam on own parameters: likelihood and prior."""
        _, _, by_share, by_dispersion = self._derivatives(log_inpatients)
        spread = np.append(np.full(self.share.size, SHARE_SD), DISPERSION_SD)
        gradient = np.append(by_share, by_dispersion) - (self.local - self._median) / spread**2
        self._time += 1
        for moment, decay, seen in zip(self._moments, DECAYS, (gradient, gradient**2), strict=True):
            moment[:] = decay * moment + (1 - decay) * seen
        first, second = (m / (1 - d**self._time) for m, d in zip(self._moments, DECAYS, strict=True))
        moved = self.local + RATE * first / (np.sqrt(second) + 1e-8)
        self.local = np.clip(moved, self._median - FURTHEST, self._median + FURTHEST)


def clipped(gradient: F64, bound: float) -> F64:
    """Return a gradient whose L2 norm over all entries is at most the bound; nothing of a client that is not finite.

    Security: the norm of what one client contributes is the sensitivity that the noise is made for.
    """
    norm = float(np.linalg.norm(gradient))
    if not np.isfinite(norm):
        return np.zeros_like(gradient)
    return gradient if norm <= bound else gradient * (bound / norm)
