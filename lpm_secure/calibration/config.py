"""The configuration of `lpm calibrate`."""

from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from client_sdk.likelihood.observation import Observation
from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.calibration.data_config import DataConfig
from lpm_secure.calibration.inference.fit import FitSchedule
from lpm_secure.calibration.inference.fit_config import AmortisedConfig, AssimilationConfig, FitConfig
from lpm_secure.calibration.study import WEEK, Study, simulate_series
from lpm_secure.config.releases import Epsilon
from lpm_secure.data.place_table import PlaceTable, two_places
from lpm_secure.models.courses.compartments.config import CompartmentConfig
from lpm_secure.models.courses.compartments.course import CompartmentCourse
from lpm_secure.models.courses.compartments.metapopulation import compose
from lpm_secure.models.courses.expected_course import ExpectedCourse
from protocols.errors import ConfigError
from protocols.identity.trust import Name
from protocols.task.base import Security
from protocols.toml_file import load_config, read_tables

Transport = Literal["in-process", "native", "flower"]
OTHERS: Final = {  # tables of other files, and what takes these
    "private": "a run's parameters are fitted through its people by a table [fit] beside [gradient], "
    "docs/calibration.md",
    "calibration": "a project between real parties has kits, lpm project kit, and is rehearsed with lpm rehearse",
    "population": "a city is run with lpm run, and differentiated with lpm sensitivity",
}


@final
class FederationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How gradients travel.

    Attributes:
        transport: "in-process": all parties in this process; "native": each a process of its own, over gRPC; "flower":
            a Flower app.
        security: "active": two aggregators and a dealer; an institution proves the norm of its gradient, and one
            aggregator that lies reads nothing. "semi-honest": aggregators alone, which have to follow the protocol.
        aggregators: k, at least 2.
        min_cohort: a sum covers at least so many institutions.
        clip: largest norm of an institution's gradient over all draws, places and periods of a round.
        bits: of fractions.
        epsilon: what the whole fit costs an institution; the unit is all that one contributes. No noise without.
        delta: beside epsilon.
    """

    transport: Transport = "in-process"
    security: Security = "semi-honest"
    aggregators: Annotated[int, msgspec.Meta(ge=2, le=16)] = 2
    min_cohort: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 5
    clip: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 2000.0
    bits: Annotated[int, msgspec.Meta(ge=1, le=40)] = 24
    epsilon: Epsilon | None = None
    delta: Annotated[float, msgspec.Meta(gt=0, lt=0.1)] = 1e-6

    def __post_init__(self) -> None:
        """Refuse active security where there is no dealer.

        Raises:
            ConfigError: gradients travel as messages of Flower.
        """
        if self.security == "active" and self.transport == "flower":
            raise ConfigError('transport "flower" has no dealer; with security = "active" take "native"')

    @property
    def contribution(self) -> Contribution:
        """Return what one institution may add to a round."""
        return Contribution(clip=self.clip, bits=self.bits)


@final
class NoiseTableConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Further fits that show what noise costs; few rounds, since each costs a part of the budget.

    Attributes:
        epsilons: of whole fits; one without noise is added. The unit is all that one institution contributes.
        rounds, draws, rate, weight: as in a fit. A low weight keeps what noise makes of the posterior near the prior.
        clip: small, so that the noise is.
        repetitions: of each fit with noise; means are shown, and the worst score.
    """

    epsilons: Annotated[tuple[Epsilon, ...], msgspec.Meta(min_length=1, max_length=16)]
    rounds: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 60
    draws: Annotated[int, msgspec.Meta(ge=1, le=256)] = 2
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    weight: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    clip: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 10.0
    repetitions: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3


@final
class CalibrationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A calibration.

    Attributes:
        name: of the run.
        seed: of all draws.
        model: whose parameters are fitted; its name, constants, delays and priors.
        observation: by which law an institution's series follows the model, and priors of what is its own.
        public_observation: by which law public events follow it, `share_sd` 0: then they are fitted too, at the centre.
        assimilation: how `lpm assimilate` follows new periods.
        noise: fits with noise beside the one that is asked for.
        amortised: how `lpm amortise` trains.
    """

    name: Name
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    data: DataConfig
    model: CompartmentConfig
    observation: Observation
    public_observation: Observation | None = None
    fit: FitConfig = FitConfig()
    assimilation: AssimilationConfig = AssimilationConfig()
    federation: FederationConfig = FederationConfig()
    noise: NoiseTableConfig | None = None
    amortised: AmortisedConfig = AmortisedConfig()

    @property
    def schedule(self) -> FitSchedule:
        """Return how long and how fast is fitted."""
        return FitSchedule(self.fit.rounds, self.fit.draws, self.fit.rate, self.fit.weight, self.seed)

    def study(self) -> Study:
        """Return the data set and its model.

        Raises:
            ConfigError: more periods than there are, or fewer institutions than a sum must cover.
            DataError: a table cannot be used.
        """
        data = self.data
        if data.simulated is None:
            series = data.read()
        else:
            places = two_places()
            course = self._course(places, data.count, WEEK)
            drawn = {"institutions": data.simulated, "seed": self.seed}
            series = simulate_series(course, places, self.observation, **drawn)
        course = self._course(series.places, data.fit_periods, series.calendar.days)
        if len(series.names) < self.federation.min_cohort:
            raise ConfigError(
                f"federation.min_cohort is {self.federation.min_cohort}, and there are {len(series.names)} "
                "institutions; lower it, or take more institutions"
            )
        return Study(series, course, self.observation, self.public_observation)

    def _course(self, places: PlaceTable, periods: int, period_days: int) -> ExpectedCourse:
        return CompartmentCourse(compose(places, self.model.severity), self.model, periods, period_days)


def load(path: Path) -> CalibrationConfig:
    """Read a configuration.

    Raises:
        ConfigError: it has a mistake, or is of something else; one line that says which command takes it.
    """
    found = read_tables(path)
    for table, what in OTHERS.items():
        if table in found and "data" not in found:
            raise ConfigError(f"{path} has [{table}], and lpm calibrate fits series of institutions, [data]: {what}")
    config = load_config(path, CalibrationConfig)
    return msgspec.structs.replace(config, data=config.data.beside(path.parent))
