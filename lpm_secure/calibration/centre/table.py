"""The table `[calibration]` of a project, and of the centre's configuration: all that a calibration says of itself."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, final

import msgspec

from client_sdk.institution_config import PeriodDays
from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series_file import Combination, Periods
from lpm_secure.calibration.inference.fit_config import FitConfig
from lpm_secure.models.courses.compartments.config import CompartmentConfig

TABLES: Final = ("places", "contacts", "movement", "public")  # files, which are public
Epsilon = Annotated[float, msgspec.Meta(gt=0, le=100)]


@final
class CalibrationTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is fitted, to which series, and how; nothing of it is secret, and no default is an illness's.

    Attributes:
        seed: of the centre's draws of parameters.
        quantity: which series of each institution's table; the only one unless given.
        start: first day of the first period.
        period_days: days in a period; 7 are weeks.
        combine: "sum" or "mean": rows are of days, and those of all days of a period make its value; a period has one
            row unless given.
        fit_periods: how many are fitted, from the first on.
        forecast_periods: how many after those are forecast.
        places: a table beside this file: `place, population`, and `group` where people are of several.
        contacts: a table: `group, other, contacts`; in proportion to the people of each group without it.
        movement: a table: `from, to, share` of contacts; none between places without it.
        public: a table: `date, value`, events in all places that everybody knows: forecast and scored, and
            fitted where `public_observation` says how.
        clip: largest norm of an institution's gradient over all draws, places and periods of a round.
        bits: of fractions.
        epsilon: what the whole fit may cost an institution; the unit is all that one contributes. No noise without.
        delta: beside epsilon.
        model: whose parameters are fitted: its name, constants, delays and priors.
        observation: by which law an institution's series follows the model, and priors of what is its own.
        public_observation: by which law public events follow it, `share_sd` 0: then they are fitted too, at the centre.
        fit: how the posterior is fitted.
    """

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    quantity: str | None = None
    start: datetime.date
    period_days: PeriodDays
    combine: Combination | None = None
    fit_periods: Annotated[int, msgspec.Meta(ge=2, le=1040)]
    forecast_periods: Annotated[int, msgspec.Meta(ge=1, le=1040)]
    places: str
    contacts: str | None = None
    movement: str | None = None
    public: str | None = None
    clip: Annotated[float, msgspec.Meta(gt=0, le=1e9)]
    bits: Annotated[int, msgspec.Meta(ge=1, le=40)] = 24
    epsilon: Epsilon | None = None
    delta: Annotated[float, msgspec.Meta(gt=0, lt=0.1)] = 1e-6
    model: CompartmentConfig
    observation: Observation
    public_observation: Observation | None = None
    fit: FitConfig = FitConfig()

    @property
    def horizon(self) -> Periods:
        """Return the periods, fitted and forecast."""
        return Periods(self.start, self.period_days, self.fit_periods + self.forecast_periods)

    @property
    def files(self) -> dict[str, str]:
        """Return the tables' files, by what they are."""
        return {name: value for name in TABLES if (value := getattr(self, name)) is not None}

    def shape(self, places: int) -> tuple[int, int, int]:
        """Return what is announced and summed in a round: draws, places, and periods, those of the forecast too."""
        return self.fit.draws, places, self.horizon.count

    def beside(self, folder: Path) -> "CalibrationTable":
        """Return the table with paths of its files that lie in a folder."""
        return self.with_files({name: str(folder / file) for name, file in self.files.items()})

    def with_files(self, files: Mapping[str, str]) -> "CalibrationTable":
        """Return the table with other files, by what they are."""
        return msgspec.structs.replace(self, **files)
