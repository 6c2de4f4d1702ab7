"""Dates and times of files as steps of a run."""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from protocols.errors import DataError, ParameterError

DAY_S: Final = 86_400
MAX_PER_DAY: Final = 1_440  # steps: one a minute
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9000
YEARS: Final = f"of the years {FIRST_YEAR} to {LAST_YEAR}"
NEEDED: Final = f"a date such as 2026-03-02, or a time such as 2026-03-02T09:30, {YEARS}, is needed"
DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@final
@dataclass(frozen=True, slots=True)
class Instant:
    """What a file says: a day, or a time of a day.

    Attributes:
        time: without a zone.
        zone: by how much its clock is ahead of UTC; None where the file does not say.
        whole: whether it is a day.
    """

    time: datetime.datetime
    zone: datetime.timedelta | None = None
    whole: bool = False

    @classmethod
    def of(cls, text: str) -> "Instant":
        """Read an ISO 8601 date or time, of the form YYYY-MM-DD.

        Raises:
            ValueError: it is neither, of another form such as 20260302, or of a year out of all reach.
        """
        time = datetime.datetime.fromisoformat(text)
        if not DATE.match(text) or not FIRST_YEAR <= time.year <= LAST_YEAR:
            raise ValueError(f"got {text!r}; {NEEDED}")
        return cls(time.replace(tzinfo=None), time.utcoffset(), len(text) == len("2026-03-02"))


@final
@dataclass(frozen=True, slots=True)
class Calendar:
    """Which step of a run a moment lies in.

    Attributes:
        start: the day of the first step.
        per_day: steps.
        zone: of all times of the files; None where none of them has one.
    """

    start: datetime.date
    per_day: int = 1
    zone: datetime.timedelta | None = None

    @classmethod
    def over(cls, moments: Iterable[Instant], *, start: datetime.date | None, per_day: int) -> "Calendar":
        """Return the calendar of all moments of some files: in the zone of the first, and from the first day on.

        Args:
            moments: of the files.
            start: the day of the first step; that of the first moment unless given.
            per_day: steps.

        Raises:
            DataError: some times have a zone and others have not, or there is no moment and no start.
        """
        given = list(moments)
        zones = [each.zone for each in given if not each.whole]
        zone = next((each for each in zones if each is not None), None)
        if zone is not None and None in zones:
            raise DataError("some times have a time zone and others have none; give all of them one, or none")
        if start is None:
            if not given:
                raise DataError("there is no date to begin with; say start = 2026-03-02, the day of the first step")
            start = min(cls(datetime.date.min, 1, zone).local(each) for each in given).date()
        return cls(start, per_day, zone)

    def local(self, moment: Instant) -> datetime.datetime:
        """Return a moment by the calendar's clock."""
        if moment.zone is None or self.zone is None:
            return moment.time
        return moment.time - moment.zone + self.zone

    def seconds(self, moment: Instant, *, end: bool = False) -> int:
        """Return how long after the first step's beginning a moment is; of a day its beginning, or its end."""
        since = self.local(moment) - datetime.datetime.combine(self.start, datetime.time.min)
        return since.days * DAY_S + since.seconds + (DAY_S if end and moment.whole else 0)


def steps_per_day(dt: float) -> int:
    """Return how many steps of `dt` days a day has.

    Raises:
        ParameterError: not a whole number of them, or more than `MAX_PER_DAY`.
    """
    per_day = round(1 / dt) if 0.5 / MAX_PER_DAY < dt <= 2 else 0  # neither nan nor 0
    if not 1 <= per_day <= MAX_PER_DAY or abs(per_day * dt - 1) > 1e-9:
        raise ParameterError(
            f"dt is {dt:g}; contacts are of days, which have a whole number of steps, {MAX_PER_DAY:,} at most: "
            "give 1, 0.5, 0.25"
        )
    return per_day
