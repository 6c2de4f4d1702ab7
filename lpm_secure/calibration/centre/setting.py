"""What the centre of a calibration knows beside sums: the places' people, the model's course, and public events."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, final

import numpy as np

from client_sdk.likelihood.series_file import Combination, SeriesTable
from client_sdk.private.table import F64
from client_sdk.private.table_file import read_file
from lpm_secure.calibration.centre.table import CalibrationTable
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.calibration.inference.public_stream import public_stream
from lpm_secure.data.place_table import PlaceTable
from lpm_secure.models.courses.compartments.course import CompartmentCourse
from lpm_secure.models.courses.compartments.metapopulation import compose
from lpm_secure.models.courses.expected_course import ExpectedCourse
from lpm_secure.secure_sum.transport import SumTransport


@final
@dataclass(frozen=True, slots=True, eq=False)
class CentreSetting:
    """A calibration as its centre sees it; no series of an institution is here.

    Attributes:
        table: what was asked for.
        places: who lives where.
        course: the model, of the fitted periods.
        events_a_day: float64[periods], public, over all places; None where nobody counts them.
    """

    table: CalibrationTable
    places: PlaceTable = field(repr=False)
    course: ExpectedCourse
    events_a_day: F64 | None = field(repr=False, default=None)

    @classmethod
    def read(cls, table: CalibrationTable) -> Self:
        """Read the tables of a calibration, whose paths are those of files.

        Raises:
            ConfigError, DataError: one cannot be used.
        """
        paths = {name: Path(file) for name, file in table.files.items()}
        places = PlaceTable.read(paths["places"], contacts=paths.get("contacts"), movement=paths.get("movement"))
        public = None
        if "public" in paths:
            read = SeriesTable.of(read_file(paths["public"]))
            combine: Combination | None = None if table.combine is None else "sum"  # of events, whatever the series are
            public = read.series(range(len(read.date)), table.horizon, combine).exact / table.period_days
        population = compose(places, table.model.severity)
        course = CompartmentCourse(population, table.model, table.fit_periods, table.period_days)
        return cls(table, places, course, public)

    @property
    def periods(self) -> tuple[str, ...]:
        """Return the first day of each period, fitted and forecast."""
        horizon = self.table.horizon
        return tuple(horizon.first_day(place).isoformat() for place in range(horizon.count))

    @property
    def known(self) -> int:
        """Return how many periods of public events are known after the fitted ones."""
        later = np.zeros(0) if self.events_a_day is None else self.events_a_day[self.table.fit_periods :]
        return int(np.isfinite(later).sum())

    def fit(self, sums: SumTransport, names: tuple[str, ...]) -> Fit:
        """Return the fit as it begins.

        Args:
            sums: of the institutions' gradients.
            names: of the institutions.
        """
        given = self.table.fit
        schedule = FitSchedule(given.rounds, given.draws, given.rate, given.weight, self.table.seed)
        stream = public_stream(
            self.events_a_day,
            self.table.public_observation,
            fitted=self.table.fit_periods,
            local_steps=given.local_steps,
            period_days=self.table.period_days,
        )
        return Fit(self.course, sums, schedule, names, ahead=self.table.forecast_periods, stream=stream)
