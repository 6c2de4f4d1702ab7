"""A survey: a line list of people, and a list of the contacts among them, from tables of one's own."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from client_sdk.private.calendar import Calendar
from client_sdk.private.columnar import read_table
from client_sdk.private.contact_list import COLUMNS, Channels, ContactList, time_columns
from client_sdk.private.contact_list import moments_of as moments_of_contacts
from client_sdk.private.line_list import moments_of, read_columns
from client_sdk.private.table import Table
from lpm_secure.data.contact_data import ContactData
from protocols.errors import ConfigError, DataError
from protocols.models.agent_model import ColumnSpec

PERSON: Final = "person"
SHOWN: Final = 5  # rows that a notice names
UNDATED: Final = datetime.date.min  # the first day where days are counted
NO_CONTACTS: Final = Table(Path("no contacts"), {name: [] for name in ("day", "a", "b", "channel")})


@final
@dataclass(frozen=True, slots=True)
class SurveyQuestions:
    """What a run asks of tables.

    Attributes:
        specs: the model's columns.
        channels: its contact channels.
        per_day: steps in a day.
        start: the day of the first step; that of the first date unless given.
        client: the column that says whose client a person is; None where none does.
        cell: the column that says in which cell; None where it is drawn.
        drawn: columns that are drawn where the table has none.
        excluded: columns in which nothing may stand, and why.
    """

    specs: Sequence[ColumnSpec]
    channels: Channels
    per_day: int = 1
    start: datetime.date | None = None
    client: str | None = None
    cell: str | None = None
    drawn: Collection[str] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What was read, for a run and for whoever looks over it.

    Attributes:
        ids: of people, as the table has them; a person's number is its place, from 1.
        calendar: from `UNDATED` on where days are counted.
        outside: contacts before the first step.
    """

    people: Table = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)
    contacts: ContactList = field(repr=False)
    data: ContactData = field(repr=False)
    calendar: Calendar
    outside: int

    @property
    def outside_notice(self) -> str:
        """Return what there is to say of contacts that no step of a run has."""
        what = "1 contact is" if self.outside == 1 else f"{self.outside:,} contacts are"
        return f"{what} over before the first step, and left out"

    @property
    def one_sided_notice(self) -> str:
        """Return what there is to say of contacts that one side alone lists where others are mutual; or nothing."""
        rows = self.contacts.row[self.contacts.one_sided == 1].tolist()
        if not rows:
            return ""
        what = "1 contact is" if len(rows) == 1 else f"{len(rows):,} contacts are"
        shown = ", ".join(str(self.contacts.table.row(row)) for row in rows[:SHOWN])
        return (
            f"{what} listed by one side alone, where others are by both: row{'' if len(rows) == 1 else 's'} {shown}"
            f"{', ...' if len(rows) > SHOWN else ''}. In one table they act both ways; clients of a deployment compare "
            "what they list, and none joins where two differ"
        )


def read_survey(people: Path | Any, contacts: Path | Any | None, asked: SurveyQuestions) -> Survey:
    """Read tables of one's own: paths of CSV or Parquet files, or frames.

    Args:
        people: a row for each person: `person`, columns of the model, and those that say client and cell.
        contacts: a row for each contact: `a`, `b`, `date` or `start` and `end`, `channel`, `weight`; None for none.
        asked: by a run.

    Raises:
        DataError: a table that cannot be used; one line, with file and row.
        ConfigError: a column that is excluded has something.
    """
    lines = read_table(people)
    met = NO_CONTACTS if contacts is None else read_table(contacts)
    _require(lines, met, asked)
    ids = _ids(lines)
    calendar = _calendar(lines, met, asked)
    columns = read_columns(lines, asked.specs, calendar)
    listed = ContactList.read(met, asked.channels, number_of=ids.get, calendar=calendar)
    table, _, outside = listed.by_step()
    if outside and not table.day.size:
        raise DataError(
            f"{met.path}: all {outside:,} contacts are over before the first step, on {calendar.start}; "
            "set start earlier"
        )
    data = ContactData(
        people=np.arange(1, len(ids) + 1),
        group=_names(lines, asked.client),
        days=listed.last * asked.per_day,
        day=table.day,
        a=table.a,
        b=table.b,
        weight=table.weight,
        source=f"{lines.path.name}: {len(ids):,} people, {listed.a.size:,} contacts",
        look_alike=False,
        channel=table.channel,
        columns=columns,
        cell=_names(lines, asked.cell) if asked.cell else (),
    )
    return Survey(lines, tuple(ids), listed, data, calendar, outside)


def _require(people: Table, contacts: Table, asked: SurveyQuestions) -> None:
    for name, reason in asked.excluded.items():
        rows = [row for row, text in enumerate(people.columns.get(name, ())) if text]
        if rows:
            raise ConfigError(f"{people.place(rows[0])}, column {name}: {reason}")
    needed = [spec.name for spec in asked.specs if spec.default is None and spec.name not in asked.drawn]
    own = [name for name in (asked.client, asked.cell) if name is not None]
    people.require((PERSON, *own, *needed), allowed=(PERSON, *own, *(spec.name for spec in asked.specs)))
    several = ["channel"] if len(asked.channels.names) > 1 else []
    contacts.require(("a", "b", *several), allowed=COLUMNS)
    if len(contacts) and not asked.channels.names:
        raise DataError(f"{contacts.path} has contacts, and the model has no contact channel; leave it out")


def _ids(table: Table) -> dict[str, int]:
    """Return each person's number by its name, whatever characters that has."""
    numbers: dict[str, int] = {}
    for row, text in enumerate(table.columns[PERSON]):
        if not text or text in numbers:
            what = f"is listed in row {table.row(numbers[text] - 1)} too" if text else "has no name"
            raise DataError(f"{table.place(row)}: person {text!r} {what}; give each person one row, with its own name")
        numbers[text] = row + 1
    if not numbers:
        raise DataError(f"{table.path} has no person; give a row to each")
    return numbers


def _calendar(people: Table, contacts: Table, asked: SurveyQuestions) -> Calendar:
    """Return the calendar of both tables; one whose first day is of no date where contacts count days."""
    counted = time_columns(contacts) == ("day",)
    met, known = moments_of_contacts(contacts), moments_of(people, asked.specs)
    if asked.start is None and counted:
        if known:
            raise DataError(f"{people.path} has dates, and contacts have none; say start, the day of the first step")
        return Calendar(UNDATED, asked.per_day)
    try:
        start = asked.start or Calendar.over(met, start=None, per_day=1).start
        return Calendar.over([*met, *known], start=start, per_day=asked.per_day)
    except DataError as error:
        raise DataError(f"{contacts.path}: {error}") from error


def _names(table: Table, column: str | None) -> tuple[str, ...]:
    if column is None:
        return ("",) * len(table)
    for row, text in enumerate(table.columns[column]):
        if not text:
            raise DataError(f"{table.place(row)}: {column} is empty; say it of each person")
    return tuple(table.columns[column])
