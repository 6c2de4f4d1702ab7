"""Weekly means of confirmed COVID inpatients of New York hospitals, with what is censored and what is missing."""

from dataclasses import dataclass, field
from pathlib import Path
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
    """Read the second wave, October 2020 to March 2021, through the data catalogue.

    Raises:
        DataError: a file is missing, or not what the catalogue describes.
    """
    folder = catalogue.get(DATASET)
    table = Table.read(folder / MATRIX, needed=("date",))
    names = tuple(name for name in table.columns if name != "date")
    found = np.stack([_series(table, name) for name in names])
    return HospitalWeeks(names, _boroughs(folder / LONG, names), tuple(table.columns["date"]), found)


def _series(table: Table, name: str) -> F64:
    series = np.empty(len(table))
    for row, text in enumerate(table.columns[name]):
        try:
            value = float(text) if text else np.nan
        except ValueError:
            table.refuse(row, name, "a number, or nothing where it is missing, is needed")
        if value == CENSORED:
            value = -1.0
        elif value < 0 or np.isinf(value):
            table.refuse(row, name, f"a number of at least 0, or {CENSORED} for 1 to 3, is needed")
        series[row] = value
    return series


def _boroughs(path: Path, names: tuple[str, ...]) -> I64:
    table = Table.read(path, needed=("hospital_pk", "borough"))
    codes = table.codes("borough", BOROUGHS)
    known = dict(zip(table.columns["hospital_pk"], codes.tolist(), strict=True))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataError(f"{path} does not say in which borough hospital {unknown[0]} lies; add it")
    return np.array([known[name] for name in names], dtype=np.int64)
