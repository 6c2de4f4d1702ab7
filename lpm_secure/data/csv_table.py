"""A table of a CSV file whose mistakes are told by file, row and column."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError

F64 = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A CSV file with a header, as text by column.

    Attributes:
        path: of the file, for messages.
        columns: name to one text for each row.
    """

    path: Path
    columns: dict[str, list[str]] = field(repr=False)

    @classmethod
    def read(cls, path: Path, *, needed: Sequence[str]) -> "Table":
        """Read a file.

        Args:
            path: of a CSV file in UTF-8 whose first row names the columns.
            needed: columns that must be there; others are read too.

        Raises:
            DataError: unreadable, no row, a column missing or named twice, or a row of another length.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.reader(file, strict=True))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"cannot read {path} ({reason}); a CSV file in UTF-8 is needed") from error
        if len(rows) < 2:
            raise DataError(f"{path} has {len(rows)} rows; a header and at least one row are needed; add them")
        header = [name.strip() for name in rows[0]]
        missing = [name for name in needed if name not in header]
        if missing:
            has = ", ".join(header)
            raise DataError(f"{path}, row 1: column {missing[0]} is missing; there are {has}; add it", row=1)
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise DataError(f"{path}, row 1: column {twice} is there twice; rename one", row=1)
        for number, row in enumerate(rows[1:], start=2):
            if len(row) != len(header):
                raise DataError(
                    f"{path}, row {number}: got {len(row)} fields; the header has {len(header)}; correct the row",
                    row=number,
                )
        fields = zip(*rows[1:], strict=True)
        return cls(path, {name: [text.strip() for text in texts] for name, texts in zip(header, fields, strict=True)})

    def __len__(self) -> int:
        """Return the number of rows below the header."""
        return len(next(iter(self.columns.values())))

    def refuse(self, index: int, column: str, needed: str) -> NoReturn:
        """Say what is wrong with one field.

        Args:
            index: of the row, from 0 below the header.
            column: its name.
            needed: what is allowed there.

        Raises:
            DataError: always.
        """
        row, got = index + 2, self.columns[column][index]
        raise DataError(f"{self.path}, row {row}, column {column}: got {got!r}; {needed}; correct the field", row=row)

    def whole(self, column: str, *, last: int = 2**53) -> I64:
        """Return whole numbers from 0 to `last`: int64[rows].

        Raises:
            DataError: another text.
        """
        texts = self.columns[column]
        found = np.empty(len(texts), dtype=np.int64)
        for index, text in enumerate(texts):
            if not (text.isascii() and text.isdecimal() and len(text) <= 16 and int(text) <= last):
                self.refuse(index, column, f"a whole number from 0 to {last} is needed")
            found[index] = int(text)
        return found

    def numbers(self, column: str, *, empty: float | None = None) -> F64:
        """Return finite numbers of at least 0: float64[rows].

        Args:
            column: its name.
            empty: what an empty field means; without it, it is refused.

        Raises:
            DataError: another text.
        """
        texts = self.columns[column]
        found = np.empty(len(texts))
        for index, text in enumerate(texts):
            value = empty if not text and empty is not None else _number(text)
            if not (math.isfinite(value) and value >= 0):
                self.refuse(index, column, "a number of at least 0 is needed")
            found[index] = value
        return found

    def codes(self, column: str, known: Sequence[str]) -> I64:
        """Return the place of each text among the known ones: int64[rows].

        Raises:
            DataError: an unknown text.
        """
        place = {name: index for index, name in enumerate(known)}
        found = np.empty(len(self), dtype=np.int64)
        for index, text in enumerate(self.columns[column]):
            if text not in place:
                self.refuse(index, column, f"one of {', '.join(known)} is needed")
            found[index] = place[text]
        return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
