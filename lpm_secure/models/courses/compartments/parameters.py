"""Parameters of compartments and their prior: theta as a smooth function of z ~ N(0, I)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import torch

from lpm_secure.models.courses.compartments.config import CompartmentPriors, LogNormal
from lpm_secure.models.courses.compartments.contact_rate import ContactRate, contact_rate
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
        law: float64[...] each, by name: parameters of the law of the contact rate's path.
    """

    reproduction: torch.Tensor
    prevalence: torch.Tensor
    rate: torch.Tensor
    stay_days: torch.Tensor | None
    law: Mapping[str, torch.Tensor] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, torch.Tensor]:
        """Return what there is, by name."""
        each = ((name, getattr(self, name)) for name in PARTS)
        return {name: value for name, value in each if value is not None} | dict(self.law)


@final
@dataclass(frozen=True, slots=True)
class Parameters:
    """Which coordinate of z is which parameter.

    Attributes:
        places: B.
        periods: of the simulation, those before the first observed one among them.
        knot: periods from knot to knot of the contact rate, linear between them on the log scale.
        prior: of theta.
        period_days: days in a period.
    """

    places: int
    periods: int
    knot: int
    prior: CompartmentPriors
    period_days: int

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
        return self.knots + self.places + len(self.single) + len(self.contact_rate.names)

    @property
    def contact_rate(self) -> ContactRate:
        """The law of the contact rate's path, whose own parameters stand last in z."""
        return contact_rate(self.prior, self.knot * self.period_days)

    def theta(self, z: torch.Tensor) -> Theta:
        """Return the parameters of z, float64[..., p]."""
        prior, k, b = self.prior, self.knots, self.places
        single = {
            name: given.median * torch.exp(given.sd * z[..., k + b + place])
            for place, (name, given) in enumerate(self.single)
        }
        return Theta(
            reproduction=torch.exp(self._path(z) @ self._interpolation().to(z)),
            prevalence=prior.prevalence.median * torch.exp(prior.prevalence.sd * z[..., k : k + b]),
            rate=single["rate"],
            stay_days=single.get("stay_days"),
            law=self.contact_rate.law(self._own(z)),
        )

    def by_coordinate(self, z: torch.Tensor) -> torch.Tensor:
        """Return float64[..., p]: contact rates at knots, then the other parameters."""
        theta = self.theta(z)
        names = (*(name for name, _ in self.single), *self.contact_rate.names)
        single = [theta.parts[name][..., None] for name in names]
        return torch.cat([torch.exp(self._path(z)), theta.prevalence, *single], dim=-1)

    def _own(self, z: torch.Tensor) -> torch.Tensor:
        """Return the coordinates of the law of the contact rate, float64[..., m]."""
        return z[..., self.knots + self.places + len(self.single) :]

    def _path(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log of the contact rate at the knots, float64[..., knots]."""
        return self.contact_rate.log_rate(z[..., : self.knots], self._own(z))

    def _interpolation(self) -> torch.Tensor:
        """Return float64[knots, periods]: weights of the knots in each; none reaches back from a later knot."""
        period = torch.arange(self.periods, dtype=torch.float64) / self.knot
        knot = torch.arange(self.knots, dtype=torch.float64)
        return torch.clamp(1.0 - (period[None, :] - knot[:, None]).abs(), min=0.0)


def derivatives(parameters: Parameters, z: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return each part of theta by name, [S, ...], and its derivatives by z, [S, ..., p]; z is float64[S, p]."""
    parts, found, first = parameters.theta(z).parts, {}, 0
    slopes = _slopes(parameters, z)
    for name, value in parts.items():
        last = first + value[0].numel()
        found[name] = value, slopes[:, first:last].reshape(*value.shape, z.shape[-1])
        first = last
    return found


def _slopes(parameters: Parameters, z: torch.Tensor) -> torch.Tensor:
    """Return the derivatives of all numbers of theta, one after the other, float64[S, numbers, p].

    Number j is taken from copy j of z, so that one pass backward gives them all.
    """
    numbers = sum(value[0].numel() for value in parameters.theta(z).parts.values())
    with torch.enable_grad():
        copies = z.detach().expand(numbers, *z.shape).clone().requires_grad_()
        parts = parameters.theta(copies).parts.values()
        flat = torch.cat([value.reshape(*copies.shape[:-1], -1) for value in parts], dim=-1)
        (slopes,) = torch.autograd.grad(flat.diagonal(dim1=0, dim2=2).sum(), copies)
    return slopes.movedim(0, 1)
