"""Tables of places: people by place and group, contacts between groups, and where people of each place are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np

from client_sdk.private.table import F64, Table
from client_sdk.private.table_file import read_file
from protocols.errors import DataError, did_you_mean

PLACE, POPULATION, GROUP = "place", "population", "group"
CONTACT_COLUMNS: Final = (GROUP, "other", "contacts")
MOVEMENT_COLUMNS: Final = ("from", "to", "share")


@final
@dataclass(frozen=True, slots=True, eq=False)
class PlaceTable:
    """B places, A groups of people.

    Attributes:
        places: their names.
        groups: theirs; one without a name where people are all alike.
        people: float64[B, A].
        contacts: float64[A, A], relative, of one of group a with those of group b.
        presence: float64[B, B], share of contacts that people of one place have in another; rows add up to 1.
    """

    places: tuple[str, ...]
    groups: tuple[str, ...]
    people: F64 = field(repr=False)
    contacts: F64 = field(repr=False)
    presence: F64 = field(repr=False)

    @classmethod
    def read(cls, places: Path, *, contacts: Path | None = None, movement: Path | None = None) -> "PlaceTable":
        """Read tables of places: CSV or Parquet.

        Args:
            places: `place, population`, and `group` where there are groups.
            contacts: `group, other, contacts`: of one of a group with all of another, a day; in proportion to the
                people of each group where there is no such table.
            movement: `from, to, share`: of contacts of people of one place, those that they have in another; what is
                left of 1 they have at home.

        Raises:
            DataError: a table cannot be used; one line, with file and row.
        """
        table = read_file(places)
        table.require((PLACE, POPULATION), allowed=(PLACE, POPULATION, GROUP))
        names = _names(table, PLACE)
        groups = _names(table, GROUP) if GROUP in table.columns else ("",)
        people = _people(table, names, groups)
        if contacts is not None and groups == ("",):
            raise DataError(f"{places} has no column {GROUP}, which contacts between groups need; add it")
        between = _contacts(read_file(contacts), groups) if contacts else np.tile(people.sum(axis=0), (len(groups), 1))
        presence = _presence(read_file(movement), names) if movement else np.eye(len(names))
        return cls(names, groups, people, between, presence)


def two_places() -> PlaceTable:
    """Return places of 200,000 and 100,000 people of two groups, made up, for tests and demonstrations."""
    people = np.array([[120_000.0, 80_000.0], [70_000.0, 30_000.0]])
    contacts = np.array([[8.0, 4.0], [6.0, 5.0]])
    presence = np.array([[0.9, 0.1], [0.2, 0.8]])
    return PlaceTable(("East", "West"), ("young", "old"), people, contacts, presence)


def find_place(table: Table, row: int, column: str, known: Sequence[str]) -> int:
    """Return the number of the place, or group, that a field names.

    Raises:
        DataError: no such one; the nearest name is said.
    """
    text = table.columns[column][row]
    if text not in known:
        hint = did_you_mean(text, known) or f"; there are {', '.join(known)}"
        raise DataError(f"{table.place(row)}, column {column}: {text!r} is not known{hint}", row=table.row(row))
    return known.index(text)


def _names(table: Table, column: str) -> tuple[str, ...]:
    """Return the names in a column in the order in which they first appear."""
    found = tuple(dict.fromkeys(table.columns[column]))
    if not found or "" in found:
        raise DataError(f"{table.path}: column {column} is empty in a row, or everywhere; name each {column}")
    return found


def _people(table: Table, places: tuple[str, ...], groups: tuple[str, ...]) -> F64:
    people, given = np.zeros((len(places), len(groups))), table.numbers(POPULATION)
    for row, count in enumerate(given.tolist()):
        at = places.index(table.columns[PLACE][row]), groups.index(table.columns[GROUP][row]) if groups != ("",) else 0
        if people[at] or count == 0:
            needed = "no other row may be of the same place and group, and a population is above 0"
            table.refuse(row, POPULATION, needed)
        people[at] = count
    if (missing := np.argwhere(people == 0)).size:
        place, group = missing[0]
        raise DataError(f"{table.path} has no row of place {places[place]} and group {groups[group]}; add it")
    return people


def _contacts(table: Table, groups: tuple[str, ...]) -> F64:
    table.require(CONTACT_COLUMNS, allowed=CONTACT_COLUMNS)
    found, number = np.full((len(groups), len(groups)), np.nan), table.numbers("contacts")
    for row in range(len(table)):
        ends = tuple(find_place(table, row, column, groups) for column in CONTACT_COLUMNS[:2])
        if np.isfinite(found[ends]):
            table.refuse(row, "contacts", "no other row may be of the same two groups in this order")
        found[ends] = number[row]
    if np.isnan(found).any() or not found.any():
        raise DataError(f"{table.path} needs a row for each group and each other one, itself too, and some above 0")
    return found


def _presence(table: Table, places: tuple[str, ...]) -> F64:
    table.require(MOVEMENT_COLUMNS, allowed=MOVEMENT_COLUMNS)
    away, share, seen = np.zeros((len(places), len(places))), table.numbers("share"), set[tuple[int, int]]()
    for row in range(len(table)):
        start, end = (find_place(table, row, column, places) for column in MOVEMENT_COLUMNS[:2])
        if (start, end) in seen:
            table.refuse(row, "share", "no other row may be of the same two places in this order")
        seen.add((start, end))
        away[start, end] = share[row] if start != end else 0.0
        if away[start].sum() > 1:
            table.refuse(row, "share", "shares away from one place add up to at most 1")
    return np.asarray(away + np.diag(1.0 - away.sum(axis=1)))
