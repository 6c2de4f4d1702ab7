"""Who meets whom, as one client knows it: contacts with at least one end among its own agents."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError
from protocols.models.agent_model import SILENT, Edges, times_weight
from protocols.task.layout import Layout

Along = Callable[[I64, Edges], I64]  # from own agents' messages to those along contacts


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    """Edges of one day, ordered by target: from `sender` (own row) with `weight` to `target` (slot * c + channel)."""

    sender: I64 = field(repr=False)
    weight: I64 = field(repr=False)
    channel: I64 = field(repr=False)
    target: I64 = field(repr=False)
    first: I64 = field(repr=False)  # where each target's edges begin


@final
@dataclass(frozen=True, slots=True, eq=False)
class Contacts:
    """Directed edges out of a client's own agents, by day; the days repeat when the run is longer.

    Attributes:
        n: private agents of all clients; c: contact channels.
        days: the measured days.
    """

    n: int
    c: int
    days: tuple[_Day, ...] = field(repr=False)

    @classmethod
    def of(
        cls, table: "ContactTable", *, layout: Layout, period: int, own: tuple[int, int], directed: Sequence[bool]
    ) -> "Contacts":
        """Make the edges of a client whose agents have the slots `own[0]` to `own[1] - 1`.

        Args:
            table: of contacts; in a directed one, `a` tells `b`.
            layout: of the run.
            period: days.
            own: the client's slots, among those of people, each of them once.
            directed: of each channel. Where it is, the way back carries nothing.
        """
        c, n = layout.channels, layout.n // layout.copies
        back = np.where(np.array(directed, dtype=np.bool_)[table.channel], SILENT, table.weight)
        edges = np.concatenate(
            [
                np.stack([table.day, table.a, table.b, table.channel, table.weight]),
                np.stack([table.day, table.b, table.a, table.channel, back]),
            ],
            axis=1,
        )
        edges = edges[:, (edges[1] >= own[0]) & (edges[1] < own[1])]
        target = edges[2] * c + edges[3]
        order = np.lexsort((target, edges[0]))
        day, sender, weight, channel, target = (
            row[order] for row in (edges[0], edges[1] - own[0], edges[4], edges[3], target)
        )
        bounds = np.searchsorted(day, np.arange(period + 1))
        return cls(n, c, tuple(_day(sender, weight, channel, target, slice(*pair)) for pair in _pairs(bounds)))

    def replicate(self, copies: int) -> "Contacts":
        """Return these contacts among so many copies of everybody, which stand side by side and meet none of another.

        Every copy keeps the order of targets, one copy after the other, so that those of one target stay together.
        """

        def repeated(day: _Day) -> _Day:
            which = np.repeat(np.arange(copies), day.sender.size)
            sender, weight, channel, target = (
                np.tile(each, copies) for each in (day.sender, day.weight, day.channel, day.target)
            )
            slot = target // self.c * copies + which
            return _day(sender * copies + which, weight, channel, slot * self.c + channel, slice(None))

        return Contacts(self.n * copies, self.c, tuple(map(repeated, self.days)))

    def add_up(self, says: I64, *, step: int, along: Along = times_weight) -> I64:
        """Return what own agents say to every agent of the run in a step.

        Args:
            says: int64[n_own, c + w], own agents' messages; the last columns are for cells and not used here.
            step: of the run.
            along: what is told along contacts.

        Returns:
            int64[n, c].
        """
        total = np.zeros(self.n * self.c, dtype=np.int64)
        day = self.days[step % len(self.days)]
        if day.sender.size:
            spoken = along(says, Edges(day.sender, day.channel, day.weight))
            total[day.target[day.first]] = np.add.reduceat(spoken, day.first)
        return total.reshape(self.n, self.c)

    def largest_message(self, most: Sequence[int], along: Sequence[object] = ()) -> int:
        """Return the largest message between two agents on one channel and day, weights included.

        Args:
            most: of a message on each channel, before weights.
            along: of each channel, None where messages are multiplied by weights; else `most` is that of a contact.
        """
        largest, numbers = 0, np.array([each is not None for each in along] or [False] * len(most), dtype=np.bool_)
        for day in self.days:
            pair = np.stack([day.sender, day.target])
            _, where = np.unique(pair, axis=1, return_inverse=True)
            totals = np.zeros(where.max(initial=-1) + 1, dtype=np.int64)
            times = np.where(day.weight == SILENT, 0, np.where(numbers[day.channel], 1, day.weight))
            np.add.at(totals, where.reshape(-1), times * np.array(most, dtype=np.int64)[day.channel])
            largest = max(largest, int(totals.max(initial=0)))
        return largest


@final
@dataclass(frozen=True, slots=True, eq=False)
class ContactTable:
    """Undirected contacts: int64[m] each; `a` and `b` are slots, `weight`, or a contact's own number, is not negative.

    Raises:
        DataError: a negative weight or day, or an agent in contact with itself.
    """

    day: I64 = field(repr=False)
    a: I64 = field(repr=False)
    b: I64 = field(repr=False)
    channel: I64 = field(repr=False)
    weight: I64 = field(repr=False)

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("day", "weight", "channel"):
            column = getattr(self, name)
            refuse(column < 0, column, f"contact {{row}} has a negative {name} ({{got}}); give 0 or more")
        refuse(self.a == self.b, self.a, "contact {row} is of an agent with itself; leave it out")


def refuse(wrong: npt.NDArray[np.bool_], got: I64, message: str) -> None:
    """Raise DataError for the first row that is wrong, if one is.

    Args:
        wrong: bool[m], of each row.
        got: int64[m], the value that is wrong.
        message: where `{row}` becomes the row's number, from 1, and `{got}` its value.
    """
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise DataError(message.format(row=row, got=int(got[row - 1])), row)


def _pairs(bounds: I64) -> Iterable[tuple[int, int]]:
    return zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)


def _day(sender: I64, weight: I64, channel: I64, target: I64, part: slice) -> _Day:
    targets = target[part]
    first = np.flatnonzero(np.diff(targets, prepend=-1))
    return _Day(sender[part], weight[part], channel[part], targets, first)
