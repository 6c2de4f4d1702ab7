"""The staged model and its interventions, as a person writes them."""

from typing import Annotated, final

import msgspec

from lpm_secure.config.bounds import Rate
from lpm_secure.config.laws import Delay
from protocols.errors import ConfigError
from protocols.identity.trust import Name

Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
Day = Annotated[int, msgspec.Meta(ge=0, le=32_766)]
Parts = Annotated[tuple[Part, ...], msgspec.Meta(min_length=1)]
Delays = Delay | Annotated[tuple[Delay, ...], msgspec.Meta(min_length=1)]


@final
class DiseaseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The course of an infection by age, and how it passes on.

    Attributes:
        ages: first year of each age band; the first is 0. Whatever is given by age has one value for each band, or one
            for all.
        beta: for each setting, infections per susceptible agent and day if everybody else in its venue were
            infectious; in community cells, per contact. Settings that are not named carry no infection.
        home: settings where those who isolate still meet the others.
        latent: days exposed.
        infectious: days asymptomatic or mild, of those who then recover.
        to_hospital: days mild, of those who then go to hospital.
        stay: days in hospital, of those who recover.
        to_death: days in hospital, of those who die.
        asymptomatic, hospital, death: shares of those infected, by age; who dies was in hospital.
        asymptomatic_infectiousness: of an agent without symptoms, relative to one with.
        initial: probability of being exposed on day 0.
    """

    ages: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=120)], ...], msgspec.Meta(min_length=1)] = (0,)
    beta: dict[Name, Rate]
    home: tuple[Name, ...] = ("household", "quarters")
    latent: Delays
    infectious: Delays
    to_hospital: Delays
    stay: Delays
    to_death: Delays
    asymptomatic: Parts
    hospital: Parts
    death: Parts
    asymptomatic_infectiousness: Part = 1.0
    initial: Part

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if self.ages[0] != 0 or list(self.ages) != sorted(set(self.ages)):
            raise ConfigError(f"disease.ages is {list(self.ages)}; first years of the bands must rise, from 0 on")
        if not self.beta:
            raise ConfigError("disease.beta is empty: name at least one setting, such as beta = {household = 0.1}")
        for name in ("latent", "infectious", "to_hospital", "stay", "to_death", "asymptomatic", "hospital", "death"):
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) not in (1, len(self.ages)):
                raise ConfigError(
                    f"disease.{name} has {len(given)} values for {len(self.ages)} ages; give one each, or one"
                )
        for band, age in enumerate(self.ages):
            none, bed, dead = (of_band(given, band) for given in (self.asymptomatic, self.hospital, self.death))
            if none + bed > 1 or dead > bed:
                raise ConfigError(
                    f"from age {age}: asymptomatic {none:g}, hospital {bed:g}, death {dead:g}; the first two add up to "
                    "at most 1, and death is at most hospital"
                )


@final
class ReduceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """On days `first` to `last` - 1, a share `left` of a setting's contacts takes place."""

    setting: Name
    first: Day
    last: Day = 32_766
    left: Part


@final
class IsolateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """On days `first` to `last` - 1, a share `compliance` stays at home from day `delay` of mild illness on."""

    first: Day
    last: Day = 32_766
    delay: Day = 0
    compliance: Part


@final
class DetectConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Testing: infectious agents know it after `wait`, and stay at home; `coverage` of all are reached by tests."""

    first: Day
    last: Day = 32_766
    wait: Delay
    coverage: Part


@final
class VaccinateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Doses by age band: from day `first` on, over so many `days`, to `coverage`; each lowers every hazard.

    Attributes:
        first, days, coverage: for each age band, or one for all.
        efficacy: a vaccinated agent's hazard grows by a part 1 - efficacy of what it would.
    """

    first: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1)]
    days: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=32_766)], ...], msgspec.Meta(min_length=1)]
    coverage: Parts
    efficacy: Part

    def __post_init__(self) -> None:
        """Check what types alone cannot."""
        if not len(self.first) == len(self.days) == len(self.coverage):
            raise ConfigError(
                f"vaccinate has {len(self.first)} values of first, {len(self.days)} of days and {len(self.coverage)} "
                "of coverage; give the same number of each"
            )


@final
class InterventionsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is done, and when; day 0 is the first."""

    reduce: tuple[ReduceConfig, ...] = ()
    isolate: IsolateConfig | None = None
    test: DetectConfig | None = None
    vaccinate: VaccinateConfig | None = None


def of_band(given: Parts, band: int) -> float:
    """Return the share of an age band, from one for each or one for all."""
    return given[band if len(given) > 1 else 0]
