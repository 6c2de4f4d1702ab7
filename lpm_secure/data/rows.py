"""Rows of contacts and of groups, read from text or gzipped text; anything else is refused, with its row."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError

DIGITS: Final = 18  # any such number fits into int64


def read_contacts(path: Path, *, separator: str | None = None, header: str | None = None) -> I64:
    """Read rows of `t i j`: int64[m, 3]; t in seconds.

    Args:
        path: ends in `.gz` if it is gzipped.
        separator: between the fields; None for white space.
        header: what the first row must be, if it is no contact.

    Raises:
        DataError: the file cannot be read or has no contact, or a row is not three whole numbers with i other than j.
    """
    rows = []
    for number, fields in _rows(path, separator, header):
        if len(fields) != 3 or not all(map(_is_whole, fields)):
            raise DataError(
                f"{path}, row {number}: got {fields}; three whole numbers t i j are needed; correct the row"
            )
        t, i, j = map(int, fields)
        if i == j:
            raise DataError(f"{path}, row {number}: got {i} twice; two people are needed; correct the row")
        rows.append((t, i, j))
    if not rows:
        raise DataError(f"{path} has no contact; at least one row t i j is needed; replace it by the original")
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def read_groups(path: Path, *, separator: str | None = None, header: str | None = None) -> dict[int, str]:
    """Read rows of `i group`, each person once.

    Args:
        path: ends in `.gz` if it is gzipped.
        separator: between the fields; None for white space.
        header: what the first row must be, if it is no person.

    Raises:
        DataError: the file cannot be read, or a row is not a whole number and a group, or repeats a person.
    """
    groups: dict[int, str] = {}
    for number, fields in _rows(path, separator, header):
        if len(fields) != 2 or not _is_whole(fields[0]) or not fields[1]:
            raise DataError(f"{path}, row {number}: got {fields}; a number and a group are needed; correct the row")
        person = int(fields[0])
        if person in groups:
            raise DataError(f"{path}, row {number}: got person {person} again; each has one group; delete a row")
        groups[person] = fields[1]
    return groups


def _rows(path: Path, separator: str | None, header: str | None) -> Iterator[tuple[int, list[str]]]:
    number = 0
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                text = line.strip()
                if number > 1 or header is None:
                    yield number, text.split(separator)
                elif text != header:
                    raise DataError(f"{path}, row 1: got {text!r}; the header {header!r} is needed; correct the row")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = type(error).__name__
        raise DataError(f"{path}, row {number + 1}: cannot be read ({reason}); replace it by the original") from error


def _is_whole(field: str) -> bool:
    return field.isascii() and field.isdecimal() and len(field) <= DIGITS
