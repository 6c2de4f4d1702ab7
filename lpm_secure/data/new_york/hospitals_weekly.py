"""Weekly means of confirmed COVID inpatients of New York hospitals, with what is censored and what is missing."""

import datetime
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.private.table import F64, Table
from lpm_secure.data import catalogue
from lpm_secure.data.nyc_tables import BOROUGHS
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError

DATASET: Final = "ny_hospitals_weekly"
MATRIX: Final = "clean_wave2_matrix.csv"
LONG: Final = "clean_nyc_hospitals_weekly_20201016_20211210.csv"
DATE, HOSPITAL, BOROUGH, PATIENTS = "date", "hospital_pk", "borough", "total_adult_confirmed_covid_avg"
WEEK: Final = 7
CENSORED: Final = -999999.0  # the source's mark of a count of 1 to 3


@final
@dataclass(frozen=True, slots=True, eq=False)
class HospitalWeeks:
    """Inpatients by hospital and week.

    Attributes:
        names: of the hospitals, h of them: their certification numbers.
        borough: int64[h], index into `BOROUGHS`.
        weeks: first day of each week, w of them, ISO dates.
        inpatients: float64[h, w], weekly mean; nan where missing, -1 where censored (1 to 3 patients).
    """

    names: tuple[str, ...]
    borough: I64
    weeks: tuple[str, ...]
    inpatients: F64 = field(repr=False)

    def first(self, weeks: int) -> "HospitalWeeks":
        """Return the first weeks only."""
        return HospitalWeeks(self.names, self.borough, self.weeks[:weeks], self.inpatients[:, :weeks])


def read() -> HospitalWeeks:
    """Read 61 weeks from October 2020 to December 2021, through the data catalogue; no facility reports in two of them.

    The hospitals are those 26 that reported through the second wave.

    Raises:
        DataError: a file is missing, or not what the catalogue describes.
    """
    folder = catalogue.get(DATASET)
    names = tuple(name for name in Table.read(folder / MATRIX, needed=(DATE,)).columns if name != DATE)
    table = Table.read(folder / LONG, needed=(DATE, HOSPITAL, BOROUGH, PATIENTS))
    return HospitalWeeks(names, _boroughs(table, names), *_inpatients(table, names))


def _inpatients(table: Table, names: tuple[str, ...]) -> tuple[tuple[str, ...], F64]:
    """Return all weeks from the first to the last, by date, and float64[h, w]."""
    try:
        days = [datetime.date.fromisoformat(text) for text in table.columns[DATE]]
    except ValueError as error:
        raise DataError(f"{table.path} has a date that is none ({error}); give days such as 2020-10-16") from error
    place = {name: index for index, name in enumerate(names)}
    found = np.full((len(names), (max(days) - min(days)).days // WEEK + 1), np.nan)
    for row, (day, name, text) in enumerate(zip(days, table.columns[HOSPITAL], table.columns[PATIENTS], strict=True)):
        week, off = divmod((day - min(days)).days, WEEK)
        if off or (name in place and not np.isnan(found[place[name], week])):
            table.refuse(row, DATE, "one row for each hospital and week, weeks apart, is needed")
        if name in place and text:
            found[place[name], week] = _value(table, row, text)
    weeks = (min(days) + datetime.timedelta(days=WEEK * week) for week in range(found.shape[1]))
    return tuple(day.isoformat() for day in weeks), found


def _value(table: Table, row: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if value == CENSORED:
        return -1.0
    if not 0 <= value < np.inf:
        table.refuse(row, PATIENTS, f"a number of at least 0, {CENSORED} for 1 to 3, or nothing is needed")
    return value


def _boroughs(table: Table, names: tuple[str, ...]) -> I64:
    codes = table.codes(BOROUGH, BOROUGHS)
    known = dict(zip(table.columns[HOSPITAL], codes.tolist(), strict=True))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataError(f"{table.path} does not say in which borough hospital {unknown[0]} lies; add it")
    return np.array([known[name] for name in names], dtype=np.int64)
