"""Parameters of the epidemic and their prior: theta as a smooth function of z ~ N(0, I)."""

from dataclasses import dataclass
from typing import Final, final

import torch

from protocols.errors import ParameterError

KNOT_WEEKS: Final = 2  # a knot of the contact rate every so many weeks, linear between them on the log scale


@final
@dataclass(frozen=True, slots=True)
class Prior:
    """Median and log-scale spread of each parameter; all are positive and log-normal.

    Attributes:
        reproduction, reproduction_sd: contact rate at the first knot, as a reproduction number without immunity.
        walk_sd: of a step of the random walk of its logarithm between knots.
        prevalence, prevalence_sd: share of people infected in a borough when the simulation begins.
        hospital_rate, hospital_rate_sd: of those infected, the share that is admitted.
        stay_days, stay_sd: mean length of stay.
    """

    reproduction: float = 1.4
    reproduction_sd: float = 0.2
    walk_sd: float = 0.15
    prevalence: float = 3e-4
    prevalence_sd: float = 0.8
    hospital_rate: float = 0.025
    hospital_rate_sd: float = 0.3
    stay_days: float = 9.0
    stay_sd: float = 0.2


@final
@dataclass(frozen=True, slots=True)
class Theta:
    """Parameters of one epidemic.

    Attributes:
        contact: float64[..., weeks], effective contact rate in each week, as a reproduction number without immunity.
        prevalence: float64[..., B], share infected at the start.
        hospital_rate, stay_days: float64[...].
    """

    contact: torch.Tensor
    prevalence: torch.Tensor
    hospital_rate: torch.Tensor
    stay_days: torch.Tensor


@final
@dataclass(frozen=True, slots=True)
class Parameters:
    """Which coordinate of z is which parameter.

    Attributes:
        boroughs: B.
        weeks: of the simulation, its lead-in included.
        prior: of theta.
    """

    boroughs: int
    weeks: int
    prior: Prior = Prior()

    def __post_init__(self) -> None:
        """Check."""
        if self.boroughs < 1 or self.weeks < 1:
            raise ParameterError(f"got {self.boroughs} boroughs and {self.weeks} weeks; at least one each is needed")

    @property
    def knots(self) -> int:
        """Number of knots of the contact rate."""
        return -(-(self.weeks - 1) // KNOT_WEEKS) + 1

    @property
    def p(self) -> int:
        """Length of z."""
        return self.knots + self.boroughs + 2

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates of z, in order."""
        knots = [f"log contact rate, step to week {KNOT_WEEKS * k}" for k in range(self.knots)]
        places = [f"log prevalence {b}" for b in range(self.boroughs)]
        return (*knots, *places, "log hospital rate", "log stay")

    def theta(self, z: torch.Tensor) -> Theta:
        """Return the parameters of z, float64[..., p]."""
        prior, k, b = self.prior, self.knots, self.boroughs
        first = torch.log(z.new_tensor(prior.reproduction)) + prior.reproduction_sd * z[..., :1]
        path = torch.cat([first, first + prior.walk_sd * torch.cumsum(z[..., 1:k], dim=-1)], dim=-1)
        return Theta(
            contact=torch.exp(path @ self._interpolation().to(z)),
            prevalence=prior.prevalence * torch.exp(prior.prevalence_sd * z[..., k : k + b]),
            hospital_rate=prior.hospital_rate * torch.exp(prior.hospital_rate_sd * z[..., k + b]),
            stay_days=prior.stay_days * torch.exp(prior.stay_sd * z[..., k + b + 1]),
        )

    def extend(self, z: torch.Tensor, weeks: int, generator: torch.Generator) -> tuple["Parameters", torch.Tensor]:
        """Return the parameters of a longer simulation, and z with the walk's further steps drawn from the prior."""
        longer = Parameters(self.boroughs, weeks, self.prior)
        further = torch.randn(*z.shape[:-1], longer.knots - self.knots, generator=generator, dtype=z.dtype)
        return longer, torch.cat([z[..., : self.knots], further, z[..., self.knots :]], dim=-1)

    def _interpolation(self) -> torch.Tensor:
        """Return float64[knots, weeks]: weights of the knots in each week; none reaches back from a later knot."""
        week = torch.arange(self.weeks, dtype=torch.float64) / KNOT_WEEKS
        knot = torch.arange(self.knots, dtype=torch.float64)
        return torch.clamp(1.0 - (week[None, :] - knot[:, None]).abs(), min=0.0)


def derivatives(parameters: Parameters, z: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return each part of theta, [S, ...], and its derivatives by z, [S, ..., p], in the order of `Theta`.

    Every part is the exponential of a linear function of z, so a derivative is the part times the function's slope.
    """
    theta, zero = parameters.theta(z), torch.zeros(1, parameters.p, dtype=z.dtype)
    origin, unit = parameters.theta(zero), parameters.theta(torch.eye(parameters.p, dtype=z.dtype))
    found = []
    for name in ("contact", "prevalence", "hospital_rate", "stay_days"):
        value: torch.Tensor = getattr(theta, name)
        slope = torch.log(getattr(unit, name) / getattr(origin, name)).movedim(0, -1)
        found.append((value, value[..., None] * slope))
    return found
