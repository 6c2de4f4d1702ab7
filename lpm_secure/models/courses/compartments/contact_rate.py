"""Laws of the contact rate from knot to knot, on the log scale: a random walk, and an autoregression that returns."""

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch

from lpm_secure.models.courses.compartments.config import CompartmentPriors, LogNormal

FURTHEST: Final = 8.0  # of a z, whose quantile is still exact


class ContactRate(abc.ABC):
    """The law of a path over knots, as a smooth function of z ~ N(0, I). Subclasses are final, and hold priors."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the names of the law's own parameters, a coordinate of z each, behind those of knots."""

    @abc.abstractmethod
    def law(self, own: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Return the law's own parameters by name, float64[...] each, from float64[..., m]."""

    @abc.abstractmethod
    def log_rate(self, z: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Return the log of the contact rate at the knots, float64[..., K], from that and float64[..., m].

        A knot depends on no later coordinate, so a longer path begins as a shorter one.
        """


@final
@dataclass(frozen=True, slots=True)
class RandomWalk(ContactRate):
    """Steps of one size that is known, and nowhere to return to.

    Attributes:
        first: prior of the rate at the first knot.
        sd: of a step of its logarithm.
    """

    first: LogNormal
    sd: float

    @property
    def names(self) -> tuple[str, ...]:
        """See `ContactRate`: none."""
        return ()

    def law(self, own: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """See `ContactRate`: none."""
        return {}

    def log_rate(self, z: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """See `ContactRate`."""
        first = math.log(self.first.median) + self.first.sd * z[..., :1]
        return torch.cat([first, first + self.sd * torch.cumsum(z[..., 1:], dim=-1)], dim=-1)


@final
@dataclass(frozen=True, slots=True)
class Autoregression(ContactRate):
    """A deviation from a mean that falls back by half in some time, and is renewed: an Ornstein-Uhlenbeck process.

    Attributes:
        first: prior of the rate at the first knot.
        mean: prior of the rate that it returns to.
        half_life_days: prior of the time in which a deviation falls back by half.
        scale: of the half-normal prior of the standard deviation of the log rate around its mean, in the long run.
        knot_days: from knot to knot.
    """

    first: LogNormal
    mean: LogNormal
    half_life_days: LogNormal
    scale: float
    knot_days: int

    @property
    def names(self) -> tuple[str, ...]:
        """See `ContactRate`."""
        return ("reproduction_mean", "reproduction_half_life_days", "reproduction_sd")

    def law(self, own: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """See `ContactRate`."""
        mean, half_life = (
            prior.median * torch.exp(prior.sd * own[..., place])
            for place, prior in enumerate((self.mean, self.half_life_days))
        )
        return dict(zip(self.names, (mean, half_life, self.scale * half_normal(own[..., 2])), strict=True))

    def log_rate(self, z: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """See `ContactRate`."""
        mean, half_life, sd = (each[..., None] for each in self.law(own).values())
        knots = torch.arange(z.shape[-1], dtype=z.dtype)
        since = knots[:, None] - knots[None, 1:]  # from each later knot's step
        kept = torch.where(since >= 0, torch.exp2(-self.knot_days * since.clamp(min=0.0) / half_life[..., None]), 0.0)
        step = sd * torch.sqrt(-torch.expm1(-2.0 * math.log(2.0) * self.knot_days / half_life))
        level = torch.log(mean)
        first = math.log(self.first.median) + self.first.sd * z[..., :1] - level
        steps = (kept @ (step * z[..., 1:])[..., None])[..., 0]
        return level + torch.exp2(-self.knot_days * knots / half_life) * first + steps


def half_normal(z: torch.Tensor) -> torch.Tensor:
    """Return the half-normal variable of scale 1 that is as unlikely as z is, smooth in z."""
    above: torch.Tensor = torch.special.ndtr(-z.clamp(-FURTHEST, FURTHEST)) / 2.0
    value: torch.Tensor = -torch.special.ndtri(above)
    return value


def contact_rate(priors: CompartmentPriors, knot_days: int) -> ContactRate:
    """Return the law that a configuration asks for."""
    given = priors.autoregression
    if given is None:
        return RandomWalk(priors.reproduction, priors.walk_sd or 0.0)
    return Autoregression(priors.reproduction, given.mean, given.half_life_days, given.scale, knot_days)
