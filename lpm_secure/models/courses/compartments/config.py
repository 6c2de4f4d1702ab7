"""The table `[model]` of a calibration with compartments: constants, delays and priors, every one of them said."""

import math
from typing import Annotated, Literal, final

import msgspec

from protocols.errors import ConfigError

Days = Annotated[float, msgspec.Meta(ge=1, le=3650)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Sd = Annotated[float, msgspec.Meta(ge=0, le=10)]
MOST_LEFT = 0.01  # of those at an event, or present, when the longest delay ends


@final
class LogNormal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A prior of a positive parameter.

    Attributes:
        median: of the parameter.
        sd: of its log; 0 where it is known.
    """

    median: Annotated[float, msgspec.Meta(gt=0, le=1e6)]
    sd: Sd


@final
class AutoregressionPriors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[model.priors.autoregression]`: the logarithm of the contact rate returns to a mean.

    Attributes:
        mean: the contact rate that it returns to; with 1 / (1 - immune) an infection makes one more at first.
        half_life_days: the time in which a deviation from it falls back by half.
        scale: of the half-normal prior of its standard deviation around the mean, in the long run.
    """

    mean: LogNormal
    half_life_days: LogNormal
    scale: Annotated[float, msgspec.Meta(gt=0, le=10)]


@final
class CompartmentPriors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[model.priors]`.

    Attributes:
        reproduction: contact rate at the first knot, as a reproduction number without immunity.
        walk_sd: of a step of its logarithm from knot to knot, a random walk.
        autoregression: in place of `walk_sd`: it returns to a mean, and with what spread and how fast is learned.
        prevalence: share of people infected in a place when the simulation begins.
        rate: of those infected, the share of whom there is an event.
        stay_days: mean time for which an event lasts; for measure = "present" alone.
    """

    reproduction: LogNormal
    walk_sd: Sd | None = None
    autoregression: AutoregressionPriors | None = None
    prevalence: LogNormal
    rate: LogNormal
    stay_days: LogNormal | None = None

    def __post_init__(self) -> None:
        """Refuse no law of the contact rate, and two.

        Raises:
            ConfigError: it is one.
        """
        if (self.walk_sd is None) == (self.autoregression is None):
            got = "neither" if self.walk_sd is None else "both"
            raise ConfigError(f"model.priors has either walk_sd or autoregression, got {got}; say one of them")


@final
class CompartmentDelays(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[model.delays]`.

    Attributes:
        latent_days: mean from infection to being infectious.
        infectious_days: mean time of being infectious.
        event_days: mean from infection to the event that is counted, of two stages (Erlang).
        longest_days: from infection to when an event, or what it lasts, is over.
    """

    latent_days: Days
    infectious_days: Days
    event_days: Days
    longest_days: Annotated[int, msgspec.Meta(ge=1, le=3650)]


@final
class CompartmentConfig(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="name", tag="compartments"
):
    """`[model]` with name = "compartments": S-E-I-R by place and group, in expectation.

    Attributes:
        measure: "events": how many there are in a period, as cases or admissions; "present": how many are there, on
            average over a period, as inpatients.
        immune: share of people who are immune when the simulation begins.
        severity: relative rate of events by group, in the order of the groups; all alike where it is empty.
        lead: periods before the first one, so that its events have a past.
        knot: periods from knot to knot of the contact rate, which is linear between them on the log scale.
    """

    measure: Literal["events", "present"]
    immune: Share
    severity: tuple[Annotated[float, msgspec.Meta(gt=0, le=1e6)], ...] = ()
    lead: Annotated[int, msgspec.Meta(ge=0, le=520)]
    knot: Annotated[int, msgspec.Meta(ge=1, le=520)]
    delays: CompartmentDelays
    priors: CompartmentPriors

    def __post_init__(self) -> None:
        """Refuse a stay without a measure of it, and a delay that is cut off too early.

        Raises:
            ConfigError: it is one.
        """
        stay, last = self.priors.stay_days, self.delays.longest_days
        if (stay is None) == (self.measure == "present"):
            what = "needs it; say its median and sd" if stay is None else "has none; leave it out"
            raise ConfigError(f'model.priors.stay_days: measure = "{self.measure}" {what}')
        for days in (self.delays.event_days, *([stay.median] if stay else [])):
            x = 2 * last / days
            if math.exp(-x) * (1 + x) > MOST_LEFT:
                raise ConfigError(
                    f"model.delays.longest_days is {last}, and of delays of {days:g} days more than "
                    f"{MOST_LEFT:.0%} take longer; allow {math.ceil(4 * days)}"
                )
