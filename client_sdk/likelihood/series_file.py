"""Long tables of series, `institution, date, series, value`: by date into periods, with what is missing or censored."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, final

import numpy as np

from client_sdk.likelihood.series import F64, Series
from client_sdk.private.calendar import Instant
from client_sdk.private.table import Table
from protocols.atomic_file import write_atomically
from protocols.errors import DataError, did_you_mean

INSTITUTION, DATE, QUANTITY, VALUE = COLUMNS = ("institution", "date", "series", "value")
MISSING: Final = ("", "NA")
NEEDED: Final = "a number, <c below c, a..b between two, or nothing where it is missing, is needed; correct the field"
BETWEEN: Final = ".."
Combination = Literal["sum", "mean"]


@final
@dataclass(frozen=True, slots=True)
class Periods:
    """Periods of whole days, one after the other.

    Attributes:
        start: first day of the first one.
        days: of each; 7 are weeks.
        count: of periods, W.
    """

    start: datetime.date
    days: int
    count: int

    def place(self, day: datetime.date) -> int:
        """Return in which period a day is, from 0; -1 before the first and after the last one."""
        place = (day - self.start).days // self.days
        return place if 0 <= place < self.count else -1

    def first_day(self, place: int) -> datetime.date:
        """Return the first day of a period."""
        return self.start + datetime.timedelta(days=place * self.days)


@final
@dataclass(frozen=True, slots=True, eq=False)
class SeriesTable:
    """A long table, row by row.

    Attributes:
        table: as it was read.
        institution, quantity: of each row; empty where the table has no such column.
        date: of each row.
        bounds: float64[rows, 2], smallest and largest possible value; nan where missing.
    """

    table: Table
    institution: Sequence[str] = field(repr=False)
    quantity: Sequence[str] = field(repr=False)
    date: Sequence[datetime.date] = field(repr=False)
    bounds: F64 = field(repr=False)

    @classmethod
    def of(cls, table: Table, *, needed: Sequence[str] = (DATE, VALUE)) -> "SeriesTable":
        """Read a table's fields.

        Raises:
            DataError: a column is missing or unknown, or a field is no date or value; a value is in no message.
        """
        table.require(needed, allowed=COLUMNS)
        if not len(table):
            raise DataError(f"{table.path} has no row below its header; give a row to each institution and date")
        nothing = [""] * len(table)
        names, quantities = (table.columns.get(name, nothing) for name in (INSTITUTION, QUANTITY))
        dates = [_date(table, row) for row in range(len(table))]
        bounds = np.array([_bounds(table, row) for row in range(len(table))])
        return cls(table, names, quantities, dates, bounds)

    def quantities(self) -> list[str]:
        """Return the names of the series that there are."""
        return sorted(set(self.quantity))

    def select(self, quantity: str | None) -> str:
        """Return the name of the series that is meant; the only one where none is named.

        Raises:
            DataError: there is no such series, or several and none is named.
        """
        known = self.quantities()
        if quantity is None and len(known) == 1:
            return known[0]
        if quantity is None:
            raise DataError(f"{self.table.path} has {len(known)} series, {', '.join(known)}; say quantity, which one")
        if known == [""]:
            raise DataError(f"{self.table.path} has no column series to find {quantity!r} in; leave quantity out")
        if quantity not in known:
            hint = did_you_mean(quantity, known) or f"; it has {', '.join(known)}"
            raise DataError(f"{self.table.path} has no series {quantity!r}{hint}")
        return quantity

    def rows(self, quantity: str, institution: str | None = None) -> list[int]:
        """Return the rows of a series, of one institution where one is named."""
        each = zip(self.quantity, self.institution, strict=True)
        return [row for row, (what, whose) in enumerate(each) if what == quantity and institution in {None, whose}]

    def series(self, rows: Sequence[int], periods: Periods, combine: Combination | None = None) -> Series:
        """Return the series that rows of one institution make; periods without a row are missing.

        Args:
            rows: of the table.
            periods: into which they go by date.
            combine: how rows of all days of a period make its value; a period with fewer days is then missing. Where
                it is None, a period has one row.

        Raises:
            DataError: two rows are of one period, or where they are combined of one day.
        """
        found, taken = np.full((periods.count, 2), np.nan), dict[int, dict[datetime.date, int]]()
        for row in rows:
            day = self.date[row]
            if (place := periods.place(day)) < 0:
                continue
            others = taken.setdefault(place, {})
            if others and (combine is None or day in others):
                other = self.table.row(next(iter(others.values())) if combine is None else others[day])
                where = f"the {periods.days} days from {periods.first_day(place)} on" if combine is None else f"{day}"
                raise DataError(
                    f"{self.table.place(row)}: row {other} is of {where} too; give one row, or change period_days, or "
                    'say combine = "sum" or "mean" of daily rows'
                )
            others[day] = row
        for place, days in taken.items():
            if combine is None or len(days) == periods.days:
                total = self.bounds[list(days.values())].sum(axis=0)
                found[place] = total / len(days) if combine == "mean" else total
        return Series(found[:, 0], found[:, 1])


def write_series(path: Path, series: Series, periods: Periods) -> None:
    """Write an institution's own series, mode 0600."""
    lines = [f"{DATE},{VALUE}"]
    for place, (least, most) in enumerate(zip(series.least.tolist(), series.most.tolist(), strict=True)):
        lines.append(f"{periods.first_day(place).isoformat()},{_text(least, most)}")
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def _text(least: float, most: float) -> str:
    if math.isnan(most):
        return ""
    if least == most:
        return repr(most)
    return f"<{math.nextafter(most, math.inf)!r}" if math.isinf(least) else f"{least!r}{BETWEEN}{most!r}"


def _date(table: Table, row: int) -> datetime.date:
    try:
        return Instant.of(table.columns[DATE][row]).time.date()
    except ValueError:
        table.refuse(row, DATE, "a date such as 2026-03-02 is needed")


def _bounds(table: Table, row: int) -> tuple[float, float]:
    """Return the bounds of one value."""
    text = table.columns[VALUE][row]
    if text in MISSING:
        return math.nan, math.nan
    below, between = text.startswith("<"), BETWEEN in text
    parts = text.removeprefix("<").split(BETWEEN) if between != below else [text]
    try:
        least, most = float(parts[0]), float(parts[-1])
    except ValueError:
        least = most = math.nan
    if below:
        least, most = -math.inf, math.nextafter(most, -math.inf)
    if len(parts) > 2 or not math.isfinite(most) or not least <= most:
        raise DataError(f"{table.place(row)}, column {VALUE}: {NEEDED}", row=table.row(row))
    return least, most
