"""Parameters of compartments and their prior: theta as a smooth function of z ~ N(0, I)."""

from dataclasses import dataclass
from typing import Final, final

import torch

from lpm_secure.models.courses.compartments.config import CompartmentPriors, LogNormal
from protocols.errors import ParameterError

PARTS: Final = ("reproduction", "prevalence", "rate", "stay_days")


@final
@dataclass(frozen=True, slots=True)
class Theta:
    """Parameters of one simulation.

    Attributes:
        reproduction: float64[..., periods], effective contact rate in each, as a reproduction number without immunity.
        prevalence: float64[..., B], share infected at the start.
        rate: float64[...], of those infected, the share of whom there is an event.
        stay_days: float64[...], how long an event lasts; None where nothing depends on it.
    """

    reproduction: torch.Tensor
    prevalence: torch.Tensor
    rate: torch.Tensor
    stay_days: torch.Tensor | None

    @property
    def parts(self) -> dict[str, torch.Tensor]:
        """Return what there is, by name."""
        each = ((name, getattr(self, name)) for name in PARTS)
        return {name: value for name, value in each if value is not None}


@final
@dataclass(frozen=True, slots=True)
class Parameters:
    """Which coordinate of z is which parameter.

    Attributes:
        places: B.
        periods: of the simulation, those before the first observed one among them.
        knot: periods from knot to knot of the contact rate, linear between them on the log scale.
        prior: of theta.
    """

    places: int
    periods: int
    knot: int
    prior: CompartmentPriors

    def __post_init__(self) -> None:
        """Check."""
        if self.places < 1 or self.periods < 1:
            raise ParameterError(f"got {self.places} places and {self.periods} periods; at least one each is needed")

    @property
    def knots(self) -> int:
        """Number of knots of the contact rate."""
        return -(-(self.periods - 1) // self.knot) + 1

    @property
    def single(self) -> tuple[tuple[str, LogNormal], ...]:
        """Priors of the parameters that have one coordinate each, behind those of knots and places."""
        stay = self.prior.stay_days
        return (("rate", self.prior.rate), *([("stay_days", stay)] if stay is not None else []))

    @property
    def p(self) -> int:
        """Length of z."""
        return self.knots + self.places + len(self.single)

    def theta(self, z: torch.Tensor) -> Theta:
        """Return the parameters of z, float64[..., p]."""
        prior, k, b = self.prior, self.knots, self.places
        path = self._path(z)
        single = {
            name: given.median * torch.exp(given.sd * z[..., k + b + place])
            for place, (name, given) in enumerate(self.single)
        }
        return Theta(
            reproduction=torch.exp(path @ self._interpolation().to(z)),
            prevalence=prior.prevalence.median * torch.exp(prior.prevalence.sd * z[..., k : k + b]),
            rate=single["rate"],
            stay_days=single.get("stay_days"),
        )

    def by_coordinate(self, z: torch.Tensor) -> torch.Tensor:
        """Return float64[..., p]: contact rates at knots, then the other parameters."""
        theta = self.theta(z)
        single = [theta.parts[name][..., None] for name, _ in self.single]
        return torch.cat([torch.exp(self._path(z)), theta.prevalence, *single], dim=-1)

    def _path(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log of the contact rate at the knots, float64[..., knots]."""
        prior = self.prior
        first = torch.log(z.new_tensor(prior.reproduction.median)) + prior.reproduction.sd * z[..., :1]
        return torch.cat([first, first + prior.walk_sd * torch.cumsum(z[..., 1 : self.knots], dim=-1)], dim=-1)

    def _interpolation(self) -> torch.Tensor:
        """Return float64[knots, periods]: weights of the knots in each; none reaches back from a later knot."""
        period = torch.arange(self.periods, dtype=torch.float64) / self.knot
        knot = torch.arange(self.knots, dtype=torch.float64)
        return torch.clamp(1.0 - (period[None, :] - knot[:, None]).abs(), min=0.0)


def derivatives(parameters: Parameters, z: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return each part of theta by name, [S, ...], and its derivatives by z, [S, ..., p].

    Every part is the exponential of a linear function of z, so a derivative is the part times the function's slope.
    """
    theta, zero = parameters.theta(z), torch.zeros(1, parameters.p, dtype=z.dtype)
    origin, unit = parameters.theta(zero).parts, parameters.theta(torch.eye(parameters.p, dtype=z.dtype)).parts
    found = {}
    for name, value in theta.parts.items():
        slope = torch.log(unit[name] / origin[name]).movedim(0, -1)
        found[name] = value, value[..., None] * slope
    return found
