"""Delays from infection to an event, and how long the event lasts: Erlang laws of two stages, by whole days."""

from dataclasses import dataclass
from typing import final

import torch


@final
@dataclass(frozen=True, slots=True)
class EventDelays:
    """Kernels over the days since infection, each float64[..., longest].

    Attributes:
        mean: days from infection to the event.
        longest: days after which all is over.
    """

    mean: float
    longest: int

    def event(self, like: torch.Tensor) -> torch.Tensor:
        """Return the probability of the event on each day, once for each element of a tensor."""
        survival = self._survival(torch.full_like(like, self.mean))
        return torch.cat([torch.zeros_like(survival[..., :1]), survival[..., :-1] - survival[..., 1:]], dim=-1)

    def presence(self, stay: torch.Tensor) -> torch.Tensor:
        """Return the probability that the event has come and still lasts, for mean lengths of it."""
        return (toeplitz(self._survival(stay), self.longest) @ self.event(stay)[..., None])[..., 0]

    def presence_by_stay(self, stay: torch.Tensor) -> torch.Tensor:
        """Return the derivative of `presence` by the mean length."""
        x = 2.0 * torch.arange(self.longest, dtype=torch.float64) / stay[..., None]
        by_mean = x * x * torch.exp(-x) / stay[..., None]
        return (toeplitz(by_mean, self.longest) @ self.event(stay)[..., None])[..., 0]

    def _survival(self, mean: torch.Tensor) -> torch.Tensor:
        """Return the share for which it lasts at least 0, 1, ... days."""
        x = 2.0 * torch.arange(self.longest, dtype=torch.float64) / mean[..., None]
        return torch.exp(-x) * (1.0 + x)


def convolve(daily: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Return float64[..., days, B]: sums over the past of float64[..., days, B], weighted by float64[..., L]."""
    found = torch.zeros_like(daily)
    for lag in range(min(kernel.shape[-1], daily.shape[-2])):
        found[..., lag:, :] += kernel[..., lag, None, None] * daily[..., : daily.shape[-2] - lag, :]
    return found


def toeplitz(kernel: torch.Tensor, size: int) -> torch.Tensor:
    """Return float64[..., size, size] with kernel[t - s] at (t, s), and 0 where t < s or past the kernel's end."""
    lag = torch.arange(size)[:, None] - torch.arange(size)[None, :]
    inside = (lag >= 0) & (lag < kernel.shape[-1])
    return torch.where(inside, kernel[..., lag.clamp(0, kernel.shape[-1] - 1)], torch.zeros((), dtype=kernel.dtype))
