"""The expected epidemic: S-E-I-R by borough and age in daily steps, and its inpatients."""

from dataclasses import dataclass, field
from typing import Final, final

import torch

from lpm_secure.calibration.dynamics.city import City
from lpm_secure.calibration.dynamics.parameters import Parameters, Theta, derivatives

WEEK: Final = 7
LONGEST: Final = 84  # days from infection within which a patient has left hospital
LATENT_DAYS: Final = 3.0
INFECTIOUS_DAYS: Final = 5.0
FLOOR: Final = 1e-9  # inpatients; keeps logarithms finite
ADMITTED_AFTER: Final = 9.0  # mean days from infection to admission, Erlang of two stages


@final
@dataclass(frozen=True, slots=True, eq=False)
class Simulator:
    """Maps z to expected inpatients.

    Attributes:
        city: who lives and meets where.
        weeks: that are observed, W.
        lead: weeks before them, so that patients of the first week have been infected somewhere.
        immune: share of the people who were immune at the start, from an earlier wave.
    """

    city: City = field(repr=False)
    weeks: int
    lead: int = 5
    immune: float = 0.2
    _mixing: torch.Tensor = field(init=False, repr=False)
    _people: torch.Tensor = field(init=False, repr=False)
    _severity: torch.Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make tensors of the city."""
        object.__setattr__(self, "_mixing", torch.from_numpy(self.city.mixing.T.copy()))
        object.__setattr__(self, "_people", torch.from_numpy(self.city.people.copy()))
        object.__setattr__(self, "_severity", torch.from_numpy(self.city.severity.copy()))

    @property
    def parameters(self) -> Parameters:
        """The parameters that this simulation takes, with the default prior."""
        return Parameters(len(self.city.boroughs), self.lead + self.weeks)

    def inpatients(self, theta: Theta) -> torch.Tensor:
        """Return float64[..., B, W]: expected inpatients of each borough's people, mean over each week."""
        infections = self._infections(theta) @ self._severity  # [..., days, B]
        kernel = theta.hospital_rate[..., None] * _in_hospital(theta.stay_days)
        return self._weekly(_convolve(infections, kernel))

    def admissions(self, theta: Theta) -> torch.Tensor:
        """Return float64[..., B, W]: expected admissions a day, mean over each week."""
        infections = self._infections(theta) @ self._severity
        kernel = theta.hospital_rate[..., None] * _admission(theta.stay_days)
        return self._weekly(_convolve(infections, kernel))

    def log_inpatients(self, z: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        """Return the logarithm of expected inpatients, float64[..., B, W]; what the centre publishes."""
        return torch.log(self.inpatients(parameters.theta(z)) + FLOOR)

    def with_jacobian(self, z: torch.Tensor, parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log expected inpatients of each draw and their derivatives by z, in forward mode.

        Args:
            z: float64[S, p].
            parameters: that z stands for.

        Returns:
            float64[S, B, W] and float64[S, B, W, p].
        """
        theta, by_z = parameters.theta(z), derivatives(parameters, z)
        both = [torch.cat([value[None], tangent.movedim(-1, 0)]) for value, tangent in by_z]
        contact, prevalence, rate, stay = both
        infections = self._infections_with_tangents(contact, prevalence) @ self._severity  # [1 + p, S, days, B]
        kernel, by_stay = _in_hospital(theta.stay_days), _in_hospital_by_stay(theta.stay_days)
        daily = _toeplitz(kernel, infections.shape[-2]) @ infections
        through_stay = _toeplitz(by_stay, infections.shape[-2]) @ infections[0]
        daily = torch.cat([daily[:1], daily[1:] + stay[1:, :, None, None] * through_stay])
        weekly = self._weekly(daily) * rate[0, :, None, None]
        value, tangent = weekly[0] + FLOOR, weekly[1:]
        tangent = tangent + weekly[0] * (rate[1:] / rate[0])[..., None, None]
        return torch.log(value), (tangent / value).permute(1, 2, 3, 0).contiguous()

    def _infections_with_tangents(self, contact: torch.Tensor, prevalence: torch.Tensor) -> torch.Tensor:
        """Return float64[1 + p, S, days, B, A]: what `_infections` returns, and its derivatives beside it."""
        people = self._people.reshape(-1)
        seed = (prevalence[..., :, None] * self._people).flatten(-2)
        susceptible = -seed
        susceptible[0] += (1.0 - self.immune) * people
        exposed = seed * (LATENT_DAYS / (LATENT_DAYS + INFECTIOUS_DAYS))
        infectious = seed - exposed
        rates = contact / INFECTIOUS_DAYS
        days = []
        for day in range(WEEK * (self.lead + self.weeks)):
            rate = rates[..., day // WEEK, None]
            force = infectious @ self._mixing
            stays = torch.exp(-rate[0] * force[0])
            new = susceptible * (1.0 - stays)
            new[1:] += (susceptible[0] * stays) * (rate[1:] * force[0] + rate[0] * force[1:])
            susceptible = susceptible - new
            begin = exposed / LATENT_DAYS
            exposed = exposed + new - begin
            infectious = infectious * (1.0 - 1.0 / INFECTIOUS_DAYS) + begin
            days.append(new)
        daily = torch.stack(days, dim=-2)
        return daily.reshape(*daily.shape[:-1], *self._people.shape)

    def _infections(self, theta: Theta) -> torch.Tensor:
        """Return float64[..., days, B, A]: expected new infections."""
        shape = (*theta.hospital_rate.shape, self._people.numel())
        people = self._people.reshape(-1)
        seed = (theta.prevalence[..., :, None] * self._people).reshape(shape)
        susceptible = (1.0 - self.immune) * people - seed
        exposed = seed * (LATENT_DAYS / (LATENT_DAYS + INFECTIOUS_DAYS))
        infectious = seed - exposed
        end_latent, end_infectious = 1.0 / LATENT_DAYS, 1.0 / INFECTIOUS_DAYS
        days = []
        for day in range(WEEK * (self.lead + self.weeks)):
            rate = theta.contact[..., day // WEEK, None] * end_infectious
            new = susceptible * -torch.expm1(-rate * (infectious @ self._mixing))
            susceptible = susceptible - new
            begin = end_latent * exposed
            exposed = exposed + new - begin
            infectious = infectious + begin - end_infectious * infectious
            days.append(new)
        return torch.stack(days, dim=-2).reshape(*shape[:-1], -1, *self._people.shape)

    def _weekly(self, daily: torch.Tensor) -> torch.Tensor:
        """Return float64[..., B, W] from float64[..., days, B], without the lead-in."""
        seen = daily[..., WEEK * self.lead :, :]
        return seen.reshape(*seen.shape[:-2], self.weeks, WEEK, seen.shape[-1]).mean(dim=-2).transpose(-1, -2)


def _erlang_survival(mean: torch.Tensor) -> torch.Tensor:
    """Return float64[..., LONGEST]: share that has not left after 0, 1, ... days, of a stay with two stages."""
    x = 2.0 * torch.arange(LONGEST, dtype=torch.float64) / mean[..., None]
    return torch.exp(-x) * (1.0 + x)


def _admission(like: torch.Tensor) -> torch.Tensor:
    """Return float64[..., LONGEST]: probability of admission so many days after infection."""
    after = torch.full_like(like, ADMITTED_AFTER)
    survival = _erlang_survival(after)
    return torch.cat([torch.zeros_like(survival[..., :1]), survival[..., :-1] - survival[..., 1:]], dim=-1)


def _in_hospital(stay: torch.Tensor) -> torch.Tensor:
    """Return float64[..., LONGEST]: probability of being an inpatient so many days after infection."""
    return (_toeplitz(_erlang_survival(stay), LONGEST) @ _admission(stay)[..., None])[..., 0]


def _in_hospital_by_stay(stay: torch.Tensor) -> torch.Tensor:
    """Return float64[..., LONGEST]: derivative of `_in_hospital` by the mean stay."""
    x = 2.0 * torch.arange(LONGEST, dtype=torch.float64) / stay[..., None]
    by_mean = x * x * torch.exp(-x) / stay[..., None]
    return (_toeplitz(by_mean, LONGEST) @ _admission(stay)[..., None])[..., 0]


def _convolve(daily: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Return float64[..., days, B]: sums over the past of float64[..., days, B], weighted by float64[..., L]."""
    found = torch.zeros_like(daily)
    for lag in range(min(kernel.shape[-1], daily.shape[-2])):
        found[..., lag:, :] += kernel[..., lag, None, None] * daily[..., : daily.shape[-2] - lag, :]
    return found


def _toeplitz(kernel: torch.Tensor, size: int) -> torch.Tensor:
    """Return float64[..., size, size] with kernel[t - s] at (t, s), and 0 where t < s or past the kernel's end."""
    lag = torch.arange(size)[:, None] - torch.arange(size)[None, :]
    inside = (lag >= 0) & (lag < kernel.shape[-1])
    return torch.where(inside, kernel[..., lag.clamp(0, kernel.shape[-1] - 1)], torch.zeros((), dtype=kernel.dtype))
