"""What is calibrated: institutions with their series, a model's expected course, and periods kept back to forecast."""

import datetime
import hashlib
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import torch

from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.likelihood.observation import Observation
from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods
from lpm_secure.calibration.inference.public_stream import PublicStream, public_stream
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.data.place_table import PlaceTable
from lpm_secure.models.courses.expected_course import ExpectedCourse
from protocols.errors import ConfigError, DataError

FIRST_DAY: Final = datetime.date(2020, 10, 16)  # of made-up series, so that their tables look like others
WEEK: Final = 7


@final
@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A data set and its model, as the testbed sees them that plays all parties; an institution sees its own row alone.

    Attributes:
        data: series of the institutions, h of them, in all periods, fitted and kept back.
        course: the model, of the fitted periods.
        observation: by which law a series follows the course.
        public_observation: by which law public events do; they are forecast and scored, and not fitted, without.
    """

    data: InstitutionSeries = field(repr=False)
    course: ExpectedCourse
    observation: Observation
    public_observation: Observation | None = None

    def __post_init__(self) -> None:
        """Check the lengths, and that series reach as far as is fitted.

        Raises:
            ConfigError: they do not.
        """
        fitted, count = self.course.periods, self.data.calendar.count
        if not 2 <= fitted < count:
            raise ConfigError(
                f"got {fitted} periods to fit of {count}; fit at least 2, and keep at least 1 to forecast"
            )
        known = np.flatnonzero(np.any([series.known for series in self.data.series], axis=0))
        reach = int(known[-1]) + 1 if known.size else 0
        if reach < fitted:
            end = f"after that of {self.data.calendar.first_day(reach - 1)}" if reach else "at all"
            raise ConfigError(
                f"got fit_periods = {fitted}, and no institution has a value in a period {end}; take {reach}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Return the institutions' names as parties."""
        return self.data.names

    @property
    def periods(self) -> tuple[str, ...]:
        """Return the first day of each period."""
        calendar = self.data.calendar
        return tuple(calendar.first_day(place).isoformat() for place in range(calendar.count))

    @property
    def fitted(self) -> int:
        """Return how many periods are fitted, W; the rest is forecast."""
        return self.course.periods

    @property
    def ahead(self) -> int:
        """Return how many periods are forecast."""
        return self.data.calendar.count - self.fitted

    @property
    def identity(self) -> str:
        """Return a digest of what is fitted: institutions, their shares and series, and public events until then."""
        digest = hashlib.sha256()
        for name, each, share in zip(self.names, self.data.series, self.data.share, strict=True):
            own = each.first(self.fitted)
            digest.update(name.encode() + own.least.tobytes() + own.most.tobytes() + share.tobytes())
        public = self.data.events_a_day
        digest.update(b"" if public is None else public[: self.fitted].tobytes())
        return digest.hexdigest()

    def stream(self, *, local_steps: int) -> PublicStream | None:
        """Return the public series of the fitted periods, where it is fitted.

        Raises:
            ConfigError: there is none.
            DataError: a value that the law cannot have.
        """
        return public_stream(
            self.data.events_a_day,
            self.public_observation,
            fitted=self.fitted,
            local_steps=local_steps,
            period_days=self.data.calendar.days,
        )

    def institutions(self, *, local_steps: int) -> dict[str, SeriesInstitution]:
        """Return every institution as it begins, with its series of the fitted periods.

        Raises:
            DataError: a value that the law of the observation cannot have.
        """
        found, data, days = {}, self.data, self.data.calendar.days
        for name, label, series, share in zip(data.names, data.labels, data.series, data.share, strict=True):
            try:
                own = series.first(self.fitted)
                found[name] = SeriesInstitution(own, share, self.observation, local_steps, days)
            except DataError as error:
                day = data.calendar.first_day((error.row or 1) - 1)
                raise DataError(f"{data.title}: institution {label!r}, {day}: {error}", row=error.row) from error
        return found


def simulate_series(
    course: ExpectedCourse, places: PlaceTable, observation: Observation, *, institutions: int, seed: int
) -> InstitutionSeries:
    """Return made-up series, drawn from a model and its prior.

    Args:
        course: of all periods, fitted and kept back.
        places: of the course.
        observation: by which law series follow it.
        institutions: how many.
        seed: of all draws.
    """
    rng = np.random.default_rng(seed)
    z = torch.from_numpy(rng.normal(0.0, 0.5, (1, course.p)))
    expected = torch.exp(course.log_mean(z)).numpy()[0]
    share = rng.dirichlet(np.full(institutions, 5.0), len(course.places)).T
    mean = np.exp(rng.normal(0.0, observation.size_sd, (institutions, 1))) * (share @ expected) + 1e-9
    law = observation.likelihood_of(Series.of(np.zeros(0)))
    values = law.draw(mean, observation.median_spread, rng)
    names = tuple(f"institution-{index + 1}" for index in range(institutions))
    return InstitutionSeries(
        title=f"MADE UP, NOT REAL DATA: {institutions} institutions of {len(course.places)} places, seed {seed}",
        names=names,
        labels=names,
        quantity="simulated",
        calendar=Periods(FIRST_DAY, WEEK, course.periods),
        series=tuple(Series.of(each) for each in values),
        share=share,
        places=places,
        events_a_day=course.events_a_day(z).numpy()[0],
    )
