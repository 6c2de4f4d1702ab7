"""Measured contacts between people, by day."""

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError
from protocols.models.agent_model import NO_COLUMNS, Columns

DAY_S: Final = 86_400


@final
@dataclass(frozen=True, slots=True, eq=False)
class ContactData:
    """One row for each day and pair that met.

    Attributes:
        people: int64[n], their numbers, in order.
        group: department or role of each.
        days: measured days, or steps where a day has several.
        day: int64[m], 0 to days - 1.
        a, b: int64[m], numbers of people, a < b.
        weight: int64[m], how many intervals of 20 s the pair was in contact.
        source: where the data come from, for reports.
        look_alike: whether they are generated.
        channel: int64[m], of a model's contact channels; None where contacts are on all of them.
        columns: array[n] of what is given and known of people.
        cell: the name of each person's cell; none where it is drawn.
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
    channel: I64 | None = field(repr=False, default=None)
    columns: Columns = field(repr=False, default_factory=lambda: NO_COLUMNS)
    cell: tuple[str, ...] = field(repr=False, default=())


def among(data: ContactData, inside: npt.NDArray[np.bool_]) -> ContactData:
    """Return some of the people, bool[n], with the contacts among them."""
    people = data.people[inside]
    met = np.isin(data.a, people) & np.isin(data.b, people)
    return dataclasses.replace(
        data,
        people=people,
        group=tuple(itertools.compress(data.group, inside)),
        cell=tuple(itertools.compress(data.cell, inside)),
        columns={name: values[inside] for name, values in data.columns.items()},
        day=data.day[met],
        a=data.a[met],
        b=data.b[met],
        weight=data.weight[met],
        channel=None if data.channel is None else data.channel[met],
    )


def by_step(data: ContactData, per_day: int) -> ContactData:
    """Return measured contacts by steps: a day has several, and what was measured of it holds in each of them."""
    if per_day == 1:
        return data
    part = np.tile(np.arange(per_day), data.day.size)
    day, a, b, weight = (np.repeat(column, per_day) for column in (data.day, data.a, data.b, data.weight))
    return dataclasses.replace(data, days=data.days * per_day, day=day * per_day + part, a=a, b=b, weight=weight)


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
