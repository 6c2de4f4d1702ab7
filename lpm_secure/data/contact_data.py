"""Measured contacts between people, by day."""

from dataclasses import dataclass, field
from typing import final

from protocols.fixed import I64


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
