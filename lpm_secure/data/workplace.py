"""Contacts of 217 people in an office building in France, 2015 (SocioPatterns InVS15)."""

import gzip
from pathlib import Path
from typing import Final

import numpy as np

from lpm_secure.data import catalogue
from lpm_secure.data.contact_data import ContactData
from protocols.errors import DataError
from protocols.fixed import I64

NAME: Final = "workplace_invs15"
DAY_S: Final = 86_400
SOURCE: Final = "SocioPatterns InVS15 (Génois and Barrat 2018), CC0"


def load() -> ContactData:
    """Load the contacts, departments as groups.

    Raises:
        DataError: the files cannot be had, or a row is not `t i j` or `i department`.
    """
    folder = catalogue.get(NAME)
    contacts, departments = folder / "workplace_InVS15_tij.dat.gz", folder / "workplace_InVS15_metadata.txt"
    return by_day(read_rows(contacts), read_groups(departments), SOURCE)


def read_rows(path: Path) -> I64:
    """Read rows of `t i j`: int64[m, 3]; t in seconds."""
    rows = []
    with gzip.open(path, "rt", encoding="ascii") as file:
        for number, line in enumerate(file, start=1):
            fields = line.split()
            if len(fields) != 3 or not all(field.isdecimal() for field in fields):
                raise DataError(f"{path}, row {number}: got {line.strip()!r}; three whole numbers t i j are needed")
            rows.append([int(field) for field in fields])
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def read_groups(path: Path) -> dict[int, str]:
    """Read rows of `i group`."""
    groups = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if len(fields) != 2 or not fields[0].isdecimal():
            raise DataError(f"{path}, row {number}: got {line!r}; a number and a group are needed")
        groups[int(fields[0])] = fields[1]
    return groups


def by_day(rows: I64, groups: dict[int, str], source: str) -> ContactData:
    """Count the intervals of each pair on each measured day; days are numbered in order.

    Args:
        rows: int64[m, 3] of t, i, j.
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
        raise DataError(f"a contact names the unknown person {unknown[0]}; every person needs a group")
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
