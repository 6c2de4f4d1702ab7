"""Contacts as people write them down, and as the steps of a run have them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.private.calendar import DAY_S, NEEDED, Calendar, Instant
from client_sdk.private.contacts import ContactTable
from client_sdk.private.table import Table
from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError, did_you_mean

MAX_DAY: Final = 10**6
MAX_WEIGHT: Final = 2**31  # times the steps of a day, twice, it is far from wrapping
MAX_DAYS: Final = 3_650  # of one contact
TIMES: Final = (("day",), ("date",), ("start", "end"))
COLUMNS: Final = ("day", "date", "start", "end", "a", "b", "channel", "weight")
Key = tuple[int, ...]  # begin, end, a, b, channel, and a contact's own number where it has one


@final
@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """The contact channels of a model, in order.

    Attributes:
        names: of them.
        directed: of each, whether `a` tells `b` alone.
        numbers: of each, whether contacts have a number of their own in place of a weight.
    """

    names: tuple[str, ...]
    directed: Sequence[bool]
    numbers: Sequence[bool]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ContactList:
    """Contacts of a file, each once.

    Attributes:
        begin, end: int64[m], seconds after the first step's beginning; of a file with the column `day` in days.
        a, b: int64[m], numbers of people.
        channel, weight: int64[m].
        row: int64[m], of the table.
        one_sided: int64[m], where both ways stand for the same contact: whether one of them alone is listed.
        twice: rows that say again what another says, in the same direction.
    """

    table: Table = field(repr=False)
    channels: Channels
    calendar: Calendar | None
    begin: I64 = field(repr=False)
    end: I64 = field(repr=False)
    a: I64 = field(repr=False)
    b: I64 = field(repr=False)
    channel: I64 = field(repr=False)
    weight: I64 = field(repr=False)
    row: I64 = field(repr=False)
    one_sided: I64 = field(repr=False)
    twice: int = 0

    @classmethod
    def read(
        cls,
        table: Table,
        channels: Channels,
        *,
        number_of: Callable[[str], int | None],
        calendar: Calendar | None,
        advice: str = "list who takes part",
    ) -> "ContactList":
        """Read a file's contacts.

        Args:
            table: with `a`, `b`; `date`, or `start` and `end`, or `day`; `channel` where there are several; `weight`.
            channels: of the model.
            number_of: a person's number, by its name in the file; None where there is no such person.
            calendar: of the run; without it there are no dates, and `day` counts the run's steps.
            advice: what to do about a person who has no number.

        Raises:
            DataError: a column or a value that cannot be used; with file and row.
        """
        weights = table.whole("weight", last=MAX_WEIGHT).tolist() if "weight" in table.columns else [1] * len(table)
        days = table.whole("day", last=MAX_DAY).tolist() if "day" in table.columns else []
        reader = _ContactReader(table, channels, number_of, calendar, advice, weights, days)
        listed = _ContactIndex(table, channels)
        times = time_columns(table)
        for row in range(len(table)):
            ends, channel, weight = reader.ends(row), reader.channel(row), reader.weights[row]
            ordered = ends if channels.directed[channel] else (min(ends), max(ends))
            listed.add((*reader.time(row, times), *ordered, channel), ends, weight, row)
        rows = np.array(listed.rows(), dtype=np.int64).reshape(-1, 8)
        begin, end, a, b, channel_, weight_, row_, lonely = rows.T
        return cls(table, channels, calendar, begin, end, a, b, channel_, weight_, row_, lonely, listed.twice)

    @property
    def last(self) -> int:
        """Return how many days there are until the last contact is over; at least 1."""
        unit = 1 if self.calendar is None else DAY_S
        return max(-(-int(self.end.max(initial=0)) // unit), 1)

    def by_step(self, steps: int | None = None) -> tuple[ContactTable, I64, int]:
        """Return contacts as each step of a run has them, the row of each, and how many contacts lie outside of it.

        A weight is of a day: in the steps of it that a contact lasts, it weighs so much that the day's sum, times dt,
        is the weight, whatever dt is. Where a contact has a number of its own, each step has that number.

        Args:
            steps: of the run; contacts before its beginning, and after so many steps, are left out.
        """
        per_day = 1 if self.calendar is None else self.calendar.per_day
        unit = 1 if self.calendar is None else DAY_S
        first = self.begin * per_day // unit
        past = np.maximum(-(-self.end * per_day // unit), first + 1)
        inside = (past > 0) & (first < (np.iinfo(np.int64).max if steps is None else steps))
        day_first, day_last = first // per_day, (past - 1) // per_day
        pieces = np.repeat(np.arange(first.size), np.where(inside, day_last - day_first + 1, 0))
        day = day_first[pieces] + _ranks(pieces)
        begin = np.maximum(first[pieces], day * per_day)
        count = np.minimum(past[pieces], (day + 1) * per_day) - begin
        each = np.repeat(np.arange(pieces.size), count)
        share, rows = _ranks(each), pieces[each]
        whole, parts = self.weight[rows] * per_day, count[each]
        split = whole * (share + 1) // parts - whole * share // parts
        weight = np.where(np.array(self.channels.numbers, dtype=np.bool_)[self.channel[rows]], self.weight[rows], split)
        step = begin[each] + share
        of_run = (step >= 0) & (step < (step.max(initial=0) + 1 if steps is None else steps))
        rows = rows[of_run]
        each = np.stack([step[of_run], self.a[rows], self.b[rows], self.channel[rows], weight[of_run]])
        table, of = _merge(each, self.channels.numbers)
        return ContactTable(*table), self.row[rows[of]], int((~inside).sum())


def time_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that say when a contact was.

    Raises:
        DataError: none, or of more than one kind.
    """
    present = [names for names in TIMES if any(name in table.columns for name in names)]
    if len(present) != 1 or any(name not in table.columns for name in present[0]):
        has = ", ".join(table.columns)
        raise DataError(f"{table.path} says when contacts were by date, or by start and end, or by day; it has {has}")
    return present[0]


def moments_of(table: Table) -> list[Instant]:
    """Return the moments that a list of contacts names; what is none is for the reader to refuse."""
    found = []
    for name in time_columns(table):
        for text in table.columns[name] if name != "day" else ():
            try:
                found.append(Instant.of(text))
            except ValueError:
                continue
    return found


@final
@dataclass(slots=True, eq=False)
class _ContactIndex:
    """Contacts by what makes two rows the same one: with numbers of their own, only if another side lists it."""

    table: Table
    channels: Channels
    twice: int = 0
    _weights: dict[Key, tuple[int, int]] = field(default_factory=dict)  # weight, row
    _ways: dict[Key, dict[tuple[int, int], list[int]]] = field(default_factory=dict)  # rows of each direction

    def add(self, key: Key, ends: tuple[int, int], weight: int, row: int) -> None:
        own = self.channels.numbers[key[4]]
        key = (*key, weight) if own else key
        before, first = self._weights.setdefault(key, (weight, row))
        if before != weight:
            raise DataError(
                f"{self.table.place(row)}: the contact of row {self.table.row(first)} again, with weight "
                f"{weight} in place of {before}; list it once, or with the same weight"
            )
        rows = self._ways.setdefault(key, {}).setdefault(ends, [])
        self.twice += bool(rows) and not own
        rows.append(row)

    def rows(self) -> list[tuple[int, ...]]:
        """Return each contact with its weight, its row, and whether one side alone lists it where others are mutual.

        Of a contact with a number of its own there are as many as the side has that lists it more often.
        """
        both = {key for key, ways in self._ways.items() if len(ways) > 1}
        undirected = (not directed for directed in self.channels.directed)
        lonely = [bool(both) and each for each in undirected]
        return [
            (*key[:5], self._weights[key][0], row, int(lonely[key[4]] and key not in both))
            for key, ways in self._ways.items()
            for row in max(ways.values(), key=len)[: None if self.channels.numbers[key[4]] else 1]
        ]


@final
@dataclass(frozen=True, slots=True, eq=False)
class _ContactReader:
    """Reads the fields of rows."""

    table: Table
    channels: Channels
    number_of: Callable[[str], int | None]
    calendar: Calendar | None
    advice: str
    weights: list[int]
    days: list[int]

    def ends(self, row: int) -> tuple[int, int]:
        found = []
        for name in ("a", "b"):
            text = self.table.columns[name][row]
            number = self.number_of(text)
            if number is None:
                raise DataError(f"{self.table.place(row)}: names the unknown person {text}; {self.advice}")
            found.append(number)
        if found[0] == found[1]:
            raise DataError(f"{self.table.place(row)}: a contact of a person with itself; leave it out")
        return found[0], found[1]

    def channel(self, row: int) -> int:
        names = self.channels.names
        if "channel" not in self.table.columns:
            return 0
        text = self.table.columns["channel"][row]
        if text not in names:
            hint = did_you_mean(text, names)
            raise DataError(f"{self.table.place(row)}: channel {text!r}; the run has {', '.join(names)}{hint}")
        return names.index(text)

    def time(self, row: int, names: tuple[str, ...]) -> tuple[int, int]:
        if names == ("day",):
            day = self.days[row]
            unit = 1 if self.calendar is None else DAY_S
            return day * unit, (day + 1) * unit
        if self.calendar is None:
            raise DataError(
                f"{self.table.place(row)}: {names[0]} is a date; say start, the day of the run's first step"
            )
        moments = [self._moment(row, name) for name in names]
        begin = self.calendar.seconds(moments[0])
        end = self.calendar.seconds(moments[-1], end=True)
        if not begin <= end <= begin + MAX_DAYS * DAY_S:
            raise DataError(f"{self.table.place(row)}: the contact ends before it begins, or after years; correct it")
        return begin, end

    def _moment(self, row: int, name: str) -> Instant:
        text = self.table.columns[name][row]
        try:
            return Instant.of(text)
        except ValueError:
            raise DataError(f"{self.table.place(row)}: {name} is {text!r}; {NEEDED}") from None


def _ranks(group: I64) -> I64:
    """Return 0, 1, ... within each run of equal numbers."""
    first = np.flatnonzero(np.diff(group, prepend=-1))
    return np.arange(group.size) - np.repeat(first, np.diff(np.append(first, group.size)))


def _merge(rows: I64, numbers: Sequence[bool]) -> tuple[I64, I64]:
    """Return int64[5, m] of steps, ends, channels and weights, each once, and of which row each was the first.

    Contacts with numbers of their own are left as they are.
    """
    apart = np.array(numbers, dtype=np.bool_)[rows[3]]
    keys = np.concatenate([rows[:4], np.where(apart, np.arange(rows.shape[1]), -1)[None]])
    once, first, which = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    total = np.zeros(first.size, dtype=np.int64)
    np.add.at(total, which.reshape(-1), rows[4])
    return np.concatenate([once[:4], total[None]]), first
