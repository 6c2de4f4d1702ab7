"""Series of institutions from tables of one's own, in long form, with their places and what they see of these."""

import datetime
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np

from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import COLUMNS, DATE, INSTITUTION, VALUE, Combination, Periods, SeriesTable
from client_sdk.private.data_dictionary import NO_DICTIONARY, DataDictionary
from client_sdk.private.table import F64, Table
from client_sdk.private.table_file import read_file
from lpm_secure.data.place_table import PlaceTable, find_place
from protocols.errors import DataError, did_you_mean
from protocols.identity.trust import ROLE

SHARE: Final = "share"
LONGEST_NAME: Final = 63


@final
@dataclass(frozen=True, slots=True, eq=False)
class InstitutionSeries:
    """What is calibrated, as a testbed sees it that plays all parties; each institution sees its own row alone.

    Attributes:
        title: what the data are, said wherever results are shown.
        names: of the institutions as parties, h of them.
        labels: as the tables call them.
        quantity: which series it is.
        calendar: the periods, fitted and kept back.
        series: of each institution, in all periods.
        share: float64[h, B], prior medians of catchments.
        places: the population.
        events_a_day: float64[periods], over all places, known to everybody; None where nobody counts them.
        notices: what whoever wrote the tables may want to know, a line each.
    """

    title: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    quantity: str
    calendar: Periods
    series: tuple[Series, ...] = field(repr=False)
    share: F64 = field(repr=False)
    places: PlaceTable = field(repr=False)
    events_a_day: F64 | None = field(repr=False, default=None)
    notices: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class SeriesFiles:
    """Paths of tables, CSV or Parquet.

    Attributes:
        series: `institution, date, series, value`; without `series` where there is one.
        institutions: `institution, place`, and `share`: of what there is in a place, what one expects to see in the
            institution; without it, the institutions of a place share it alike.
        public: `date, value`: events in each period over all places, which everybody knows; None for none.
        combine: how daily rows make a period's value; a period has one row where it is None.
        dictionary: how the table of series calls its columns and writes dates.
    """

    series: Path
    institutions: Path
    public: Path | None = None
    combine: Combination | None = None
    dictionary: DataDictionary = NO_DICTIONARY

    def read(
        self,
        places: PlaceTable,
        *,
        quantity: str | None,
        start: datetime.date | None,
        period_days: int,
        periods: int,
    ) -> InstitutionSeries:
        """Read the series of all institutions.

        Args:
            places: where they are.
            quantity: which series; the only one where None.
            start: first day of the first period; that of the first row of the series where None.
            period_days, periods: of the calendar.

        Raises:
            DataError: a table cannot be used; one line, with file and row.
        """
        self.dictionary.require_words(COLUMNS)
        rewritten = self.dictionary.translate(read_file(self.series))
        table = SeriesTable.of(rewritten, needed=(INSTITUTION, DATE, VALUE))
        quantity = table.select(quantity)
        rows = table.rows(quantity)
        calendar = Periods(start or min(table.date[row] for row in rows), period_days, periods)
        labels, share = _shares(read_file(self.institutions), places.places)
        _require_known(table, rows, labels, self.institutions)
        series = tuple(self._series(table, quantity, label, calendar) for label in labels)
        title = f"{self.series.name}: {quantity or 'one series'} of {len(labels)} institutions"
        names, public, notices = party_names(labels), self._public(calendar), _notices(table, rows, calendar)
        return InstitutionSeries(title, names, labels, quantity, calendar, series, share, places, public, notices)

    def _public(self, calendar: Periods) -> F64 | None:
        if self.public is None:
            return None
        table = SeriesTable.of(read_file(self.public))
        table.table.require((DATE, VALUE), allowed=(DATE, VALUE))
        combine: Combination | None = None if self.combine is None else "sum"  # of events, whatever the series are
        return table.series(range(len(table.date)), calendar, combine).exact / calendar.days

    def _series(self, table: SeriesTable, quantity: str, label: str, calendar: Periods) -> Series:
        rows = table.rows(quantity, label)
        if not rows:
            raise DataError(f"{table.table.path} has no row of institution {label!r}; add its series, or leave it out")
        return table.series(rows, calendar, self.combine)


def party_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return names that a manifest takes: in lower case, without accents, and with `-` for what it does not take.

    Raises:
        DataError: two institutions would have one name.
    """
    names: dict[str, str] = {}
    for place, label in enumerate(labels, 1):
        plain = unicodedata.normalize("NFKD", label.lower()).encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9._-]+", "-", plain).strip("._-")[:LONGEST_NAME]
        if not name or re.match(ROLE, name):
            name = f"institution-{place}"
        if name in names:
            raise DataError(f"institutions {names[name]!r} and {label!r} would both be called {name}; rename one")
        names[name] = label
    return tuple(names)


def _shares(table: Table, places: tuple[str, ...]) -> tuple[tuple[str, ...], F64]:
    """Return institutions in the order of the table, and what they see of each place: float64[h, B]."""
    table.require((INSTITUTION, "place"), allowed=(INSTITUTION, "place", SHARE))
    labels = tuple(dict.fromkeys(table.columns[INSTITUTION]))
    if not labels or "" in labels:
        raise DataError(f"{table.path}: column {INSTITUTION} is empty in a row, or everywhere; name each institution")
    share, given = np.zeros((len(labels), len(places))), np.ones(len(table))
    if SHARE in table.columns:
        given = table.numbers(SHARE)
    for row, part in enumerate(given.tolist()):
        at = labels.index(table.columns[INSTITUTION][row]), find_place(table, row, "place", places)
        if share[at] or not 0 < part <= 1:
            where = SHARE if SHARE in table.columns else "place"
            table.refuse(row, where, "a share is above 0 and at most 1, and an institution has one row for each place")
        share[at] = part
    if SHARE not in table.columns:
        share /= np.maximum(share.sum(axis=0), 1.0)
    return labels, share


def _require_known(table: SeriesTable, rows: Sequence[int], labels: Sequence[str], institutions: Path) -> None:
    """Refuse rows of an institution that no table places."""
    for row in rows:
        if table.institution[row] not in labels:
            name = table.institution[row]
            hint = did_you_mean(name, labels) or f"; add it, with its place, to {institutions}"
            raise DataError(f"{table.table.place(row)}: institution {name!r} is not in {institutions}{hint}")


def _notices(table: SeriesTable, rows: Sequence[int], calendar: Periods) -> tuple[str, ...]:
    outside = sum(calendar.place(table.date[row]) < 0 for row in rows)
    last = calendar.first_day(calendar.count)
    others = [name for name in table.quantities() if name != table.quantity[rows[0]]]
    lines = [f"{outside:,} rows are before {calendar.start} or from {last} on, and left out"] if outside else []
    return (*lines, *([f"the table has other series too: {', '.join(others)}"] if others else []))
