"""Dates and times of files as steps of a run."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from protocols.errors import DataError, ParameterError

DAY_S: Final = 86_400
NEEDED: Final = "a date such as 2026-03-02, or a time such as 2026-03-02T09:30, is needed"


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
        """Read an ISO 8601 date or time.

        Raises:
            ValueError: it is neither.
        """
        time = datetime.datetime.fromisoformat(text)
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
        ParameterError: not a whole number of them.
    """
    per_day = round(1 / dt)
    if per_day < 1 or abs(per_day * dt - 1) > 1e-9:
        raise ParameterError(
            f"dt is {dt:g}; contacts are of days, which have a whole number of steps: give 1, 0.5, 0.25"
        )
    return per_day
