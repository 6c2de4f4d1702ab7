"""Measured contacts between people, by day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError

DAY_S: Final = 86_400


@final
@dataclass(frozen=True, slots=True, eq=False)
class ContactData:
    """One row for each day and pair that met.

    Attributes:
        people: int64[n], their numbers, in order.
        group: department or role of each.
        days: measured days.
        day: int64[m], 0 to days - 1.
        a, b: int64[m], numbers of people, a < b.
        weight: int64[m], how many intervals of 20 s the pair was in contact.
        source: where the data come from, for reports.
        look_alike: whether they are generated.
    """

    people: I64 = field(repr=False)
    group: tuple[str, ...] = field(repr=False)
    days: int
    day: I64 = field(repr=False)
    a: I64 = field(repr=False)
    b: I64 = field(repr=False)
    weight: I64 = field(repr=False)
    source: str
    look_alike: bool


def by_day(rows: I64, groups: Mapping[int, str], source: str) -> ContactData:
    """Count the intervals of each pair on each measured day; days are numbered in order.

    Args:
        rows: int64[m, 3] of t, i, j; t in seconds.
        groups: of every person.
        source: for reports.

    Raises:
        DataError: a contact names a person without a group.
    """
    measured, day = np.unique(rows[:, 0] // DAY_S, return_inverse=True)
    pairs = np.stack([day.reshape(-1), rows[:, 1:].min(axis=1), rows[:, 1:].max(axis=1)])
    (days, a, b), weight = np.unique(pairs, axis=1, return_counts=True)
    people = np.unique(rows[:, 1:])
    unknown = [person for person in people.tolist() if person not in groups]
    if unknown:
        raise DataError(f"{source}: a contact names person {unknown[0]}, who has no group; every person needs one")
    return ContactData(
        people=people,
        group=tuple(groups[person] for person in people.tolist()),
        days=measured.size,
        day=days,
        a=a,
        b=b,
        weight=weight.astype(np.int64),
        source=source,
        look_alike=False,
    )
