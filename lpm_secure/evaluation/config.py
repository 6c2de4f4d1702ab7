"""The configuration of `lpm evaluate`."""

from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec

from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.config import load as load_calibration
from lpm_secure.calibration.inference.fit_config import AssimilationConfig
from protocols.errors import ConfigError
from protocols.identity.trust import Name
from protocols.toml_file import load_config, read_tables

Half = Literal["tuning", "judged"]
Weight = Annotated[float, msgspec.Meta(gt=0, le=1000)]
Periods = Annotated[int, msgspec.Meta(ge=2, le=1040)]
Span = tuple[Periods, Periods]
HALVES: Final[tuple[Half, ...]] = ("tuning", "judged")


@final
class OriginsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[origins]`: how many periods are fitted, counted from the first, before the next ones are forecast.

    Attributes:
        tuning: the first and the last one that settings may be chosen on.
        judged: the first and the last one that count; none where it is left out.
        anew_every: of those that are scored every so many-th is fitted from the prior, the others go on from the one
            before.
        least_institutions: an origin with fewer that report its last period is counted, and not scored.
    """

    tuning: Span
    judged: Span | None = None
    anew_every: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 4
    least_institutions: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1

    def __post_init__(self) -> None:
        """Refuse spans that run backwards, or into each other.

        Raises:
            ConfigError: they do.
        """
        spans = [self.tuning, *([self.judged] if self.judged else [])]
        for name, (first, last) in zip(HALVES, spans, strict=False):
            if first > last:
                raise ConfigError(f"origins.{name} is [{first}, {last}]; give the first one first")
        if self.judged and self.judged[0] <= self.tuning[1]:
            raise ConfigError(
                f"origins.judged begins at {self.judged[0]}, and tuning ends at {self.tuning[1]}; let it begin later: "
                "what settings were chosen on does not count"
            )


@final
class PriorWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`prior` of `[combination]`: weights of methods where there is no past, in proportion."""

    model: Weight = 1.0
    pooled_growth: Weight = 1.0
    hub: Weight = 1.0


@final
class CombinationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[combination]`: how much the past says of weights and widths.

    Attributes:
        prior: weights where there is no past.
        power: a method's weight is that times its past score to minus this power.
        prior_origins: so many origins of equal scores, and of intervals that are right, stand beside those seen.
        widest: a width is changed by this factor at most, either way.
    """

    prior: PriorWeights = PriorWeights()
    power: Annotated[float, msgspec.Meta(ge=0, le=20)] = 4.0
    prior_origins: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 8.0
    widest: Annotated[float, msgspec.Meta(ge=1, le=10)] = 2.5


@final
class TargetsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[targets]`: what rows and plots call what is forecast.

    Attributes:
        institutions: the series of all institutions.
        public: events in all places.
    """

    institutions: Name = "institutions"
    public: Name = "public"


@final
class EvaluationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An evaluation.

    Attributes:
        name: of the folder of results.
        calibration: a file of `lpm calibrate` beside this one: whose data, model and fit. Its fit_periods and
            forecast_periods have no part here.
        horizons: scores are means over so many periods ahead.
        assimilation: how an origin goes on from the one before.
    """

    name: Name
    calibration: str
    origins: OriginsConfig
    horizons: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=104)], ...], msgspec.Meta(min_length=1)] = (4, 8)
    assimilation: AssimilationConfig = AssimilationConfig()
    combination: CombinationConfig = CombinationConfig()
    targets: TargetsConfig = TargetsConfig()

    @property
    def ahead(self) -> int:
        """Return how many periods are forecast at each origin."""
        return max(self.horizons)


def load(path: Path) -> tuple[EvaluationConfig, CalibrationConfig]:
    """Read a configuration, and that of the calibration that it names; all its parties are played in this process.

    Raises:
        ConfigError: one has a mistake; one line.
    """
    if "data" in read_tables(path):
        raise ConfigError(
            f"{path} has [data], as lpm calibrate takes it; write a file beside it with "
            f'calibration = "{path.name}" and [origins], as examples/evaluation.toml is'
        )
    config = load_config(path, EvaluationConfig)
    found = load_calibration(path.parent / config.calibration)
    if found.federation.epsilon is not None:
        raise ConfigError(
            f"{config.calibration} has federation.epsilon, and an evaluation opens sums of scores without noise; "
            "evaluate without it"
        )
    federation = msgspec.structs.replace(found.federation, transport="in-process")
    return config, msgspec.structs.replace(found, federation=federation)
