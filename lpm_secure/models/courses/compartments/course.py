"""The expected course of compartments: S-E-I-R by place and group in daily steps, and the events that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import torch

from lpm_secure.models.courses.compartments.config import CompartmentConfig
from lpm_secure.models.courses.compartments.event_delays import EventDelays, convolve, toeplitz
from lpm_secure.models.courses.compartments.metapopulation import Metapopulation
from lpm_secure.models.courses.compartments.parameters import Parameters, Theta, derivatives
from lpm_secure.models.courses.expected_course import Axis, CourseParameter, ExpectedCourse

FLOOR = 1e-9  # of an expected value; keeps logarithms finite
AXES: dict[str, Axis] = {"reproduction": "periods", "prevalence": "places"}


@final
@dataclass(frozen=True, slots=True, eq=False)
class CompartmentCourse(ExpectedCourse):
    """See `ExpectedCourse`.

    Attributes:
        population: who lives and meets where.
        config: constants, delays and priors.
        count: of periods that are observed, W.
        period_days: days in each.
    """

    population: Metapopulation = field(repr=False)
    config: CompartmentConfig
    count: int
    period_days: int
    _mixing: torch.Tensor = field(init=False, repr=False)
    _people: torch.Tensor = field(init=False, repr=False)
    _severity: torch.Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make tensors of the population."""
        object.__setattr__(self, "_mixing", torch.from_numpy(self.population.mixing.T.copy()))
        object.__setattr__(self, "_people", torch.from_numpy(self.population.people.copy()))
        object.__setattr__(self, "_severity", torch.from_numpy(self.population.severity.copy()))

    @property
    def places(self) -> tuple[str, ...]:
        """See `ExpectedCourse`."""
        return self.population.places

    @property
    def periods(self) -> int:
        """See `ExpectedCourse`."""
        return self.count

    @property
    def coordinates(self) -> tuple[str, ...]:
        """See `ExpectedCourse`."""
        own, knot = self._parameters, self.config.knot
        knots = [f"reproduction, period {knot * place - self.config.lead + 1}" for place in range(own.knots)]
        single = (*(name for name, _ in own.single), *own.contact_rate.names)
        return (*knots, *(f"prevalence {name}" for name in self.places), *single)

    @property
    def identity(self) -> str:
        """See `ExpectedCourse`."""
        return f"{self.config} {self.count} {self.period_days} {self.population.identity}"

    @property
    def _parameters(self) -> Parameters:
        config = self.config
        return Parameters(len(self.places), config.lead + self.count, config.knot, config.priors, self.period_days)

    @property
    def _delays(self) -> EventDelays:
        return EventDelays(self.config.delays.event_days, self.config.delays.longest_days)

    def log_mean(self, z: torch.Tensor) -> torch.Tensor:
        """See `ExpectedCourse`."""
        return torch.log(self._expected(self._parameters.theta(z)) + FLOOR)

    def events_a_day(self, z: torch.Tensor) -> torch.Tensor:
        """See `ExpectedCourse`."""
        theta = self._parameters.theta(z)
        infections = self._infections(theta) @ self._severity
        kernel = theta.rate[..., None] * self._delays.event(theta.rate)
        return self._by_period(convolve(infections, kernel)).sum(dim=-2)

    def parameters(self, z: torch.Tensor) -> Sequence[CourseParameter]:
        """See `ExpectedCourse`."""
        parts = self._parameters.theta(z).parts
        return [CourseParameter(name, values, AXES.get(name, "")) for name, values in parts.items()]

    def by_coordinate(self, z: torch.Tensor) -> torch.Tensor:
        """See `ExpectedCourse`."""
        return self._parameters.by_coordinate(z)

    def lengthen(self, periods: int) -> "CompartmentCourse":
        """See `ExpectedCourse`."""
        return CompartmentCourse(self.population, self.config, periods, self.period_days)

    def extend(self, z: torch.Tensor, longer: "CompartmentCourse", generator: torch.Generator) -> torch.Tensor:
        """See `ExpectedCourse`: the further steps of the walk."""
        knots, steps = self._parameters.knots, longer._parameters.knots - self._parameters.knots
        further = torch.randn(*z.shape[:-1], steps, generator=generator, dtype=z.dtype)
        return torch.cat([z[..., :knots], further, z[..., knots:]], dim=-1)

    def restrict(self, z: torch.Tensor, shorter: "CompartmentCourse") -> torch.Tensor:
        """See `ExpectedCourse`."""
        return torch.cat([z[..., : shorter._parameters.knots], z[..., self._parameters.knots :]], dim=-1)

    def with_jacobian(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ExpectedCourse`; in forward mode."""
        theta, both, infections = self._with_tangents(z)
        return self._observed(theta, both, infections)

    def with_events(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """See `ExpectedCourse`."""
        theta, both, infections = self._with_tangents(z)
        everywhere = infections.sum(dim=-1, keepdim=True)
        daily = toeplitz(self._delays.event(theta.rate), everywhere.shape[-2]) @ everywhere
        value, jacobian = _log_with_tangents(self.period_days * self._by_period(daily), both["rate"])
        return *self._observed(theta, both, infections), value[:, 0], jacobian[:, 0]

    def _with_tangents(self, z: torch.Tensor) -> tuple[Theta, dict[str, torch.Tensor], torch.Tensor]:
        """Return theta; its parts with derivatives beside them, [1 + p, S, ...]; and severe infections, with B last."""
        theta, by_z = self._parameters.theta(z), derivatives(self._parameters, z)
        both = {name: torch.cat([value[None], tangent.movedim(-1, 0)]) for name, (value, tangent) in by_z.items()}
        infections = self._infections_with_tangents(both["reproduction"], both["prevalence"])
        return theta, both, infections @ self._severity  # [1 + p, S, days, B]

    def _observed(
        self, theta: Theta, both: dict[str, torch.Tensor], infections: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log of what is measured and its derivatives, float64[S, B, W] and [S, B, W, p]."""
        delays, days = self._delays, infections.shape[-2]
        if theta.stay_days is None:
            daily = toeplitz(delays.event(theta.rate), days) @ infections
        else:
            daily = toeplitz(delays.presence(theta.stay_days), days) @ infections
            through_stay = toeplitz(delays.presence_by_stay(theta.stay_days), days) @ infections[0]
            tangent = daily[1:] + both["stay_days"][1:, :, None, None] * through_stay
            daily = torch.cat([daily[:1], tangent])
        return _log_with_tangents(self._measure(daily), both["rate"])

    def _expected(self, theta: Theta) -> torch.Tensor:
        """Return float64[..., B, W]: what is expected of each place's people."""
        infections = self._infections(theta) @ self._severity  # [..., days, B]
        delays = self._delays
        kernel = delays.event(theta.rate) if theta.stay_days is None else delays.presence(theta.stay_days)
        return self._measure(convolve(infections, theta.rate[..., None] * kernel))

    def _infections_with_tangents(self, reproduction: torch.Tensor, prevalence: torch.Tensor) -> torch.Tensor:
        """Return float64[1 + p, S, days, B, A]: what `_infections` returns, and its derivatives beside it."""
        people = self._people.reshape(-1)
        latent_days, infectious_days = self.config.delays.latent_days, self.config.delays.infectious_days
        seed = (prevalence[..., :, None] * self._people).flatten(-2)
        susceptible = -seed
        susceptible[0] += (1.0 - self.config.immune) * people
        exposed = seed * (latent_days / (latent_days + infectious_days))
        infectious = seed - exposed
        rates = reproduction / infectious_days
        days = []
        for day in range(self._days):
            rate = rates[..., day // self.period_days, None]
            force = infectious @ self._mixing
            stays = torch.exp(-rate[0] * force[0])
            new = susceptible * (1.0 - stays)
            new[1:] += (susceptible[0] * stays) * (rate[1:] * force[0] + rate[0] * force[1:])
            susceptible = susceptible - new
            begin = exposed / latent_days
            exposed = exposed + new - begin
            infectious = infectious * (1.0 - 1.0 / infectious_days) + begin
            days.append(new)
        daily = torch.stack(days, dim=-2)
        return daily.reshape(*daily.shape[:-1], *self._people.shape)

    def _infections(self, theta: Theta) -> torch.Tensor:
        """Return float64[..., days, B, A]: expected new infections."""
        shape = (*theta.rate.shape, self._people.numel())
        people = self._people.reshape(-1)
        latent_days, infectious_days = self.config.delays.latent_days, self.config.delays.infectious_days
        seed = (theta.prevalence[..., :, None] * self._people).reshape(shape)
        susceptible = (1.0 - self.config.immune) * people - seed
        exposed = seed * (latent_days / (latent_days + infectious_days))
        infectious = seed - exposed
        end_latent, end_infectious = 1.0 / latent_days, 1.0 / infectious_days
        days = []
        for day in range(self._days):
            rate = theta.reproduction[..., day // self.period_days, None] * end_infectious
            new = susceptible * -torch.expm1(-rate * (infectious @ self._mixing))
            susceptible = susceptible - new
            begin = end_latent * exposed
            exposed = exposed + new - begin
            infectious = infectious + begin - end_infectious * infectious
            days.append(new)
        return torch.stack(days, dim=-2).reshape(*shape[:-1], -1, *self._people.shape)

    @property
    def _days(self) -> int:
        return self.period_days * (self.config.lead + self.count)

    def _measure(self, daily: torch.Tensor) -> torch.Tensor:
        """Return float64[..., B, W] from float64[..., days, B]: those present on average, or all events."""
        each = self._by_period(daily)
        return each * self.period_days if self.config.measure == "events" else each

    def _by_period(self, daily: torch.Tensor) -> torch.Tensor:
        """Return float64[..., B, W], means over each period, from float64[..., days, B], without the lead-in."""
        seen = daily[..., self.period_days * self.config.lead :, :]
        return seen.reshape(*seen.shape[:-2], self.count, self.period_days, -1).mean(dim=-2).transpose(-1, -2)


def _log_with_tangents(measured: torch.Tensor, rate: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log of what is measured times the rate, and its derivatives by z, float64[S, B, W] and [S, B, W, p].

    Args:
        measured: float64[1 + p, S, B, W], by a rate of 1, its derivatives beside it.
        rate: float64[1 + p, S], likewise.
    """
    values = measured * rate[0, :, None, None]
    value, tangent = values[0] + FLOOR, values[1:]
    tangent = tangent + values[0] * (rate[1:] / rate[0])[..., None, None]
    return torch.log(value), (tangent / value).permute(1, 2, 3, 0).contiguous()
