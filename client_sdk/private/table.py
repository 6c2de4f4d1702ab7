"""A table of text, as CSV files have it, whose mistakes are told by file, row and column."""

import csv
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError, did_you_mean

F64 = npt.NDArray[np.float64]
MAX_HEADER: Final = 2**20  # characters
PARQUET: Final = (".parquet", ".pq")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A CSV file with a header, as text by column.

    Attributes:
        path: of the file, for messages.
        columns: name to one text for each row.
        rows: the number of each row in the file, where rows without a field lie between them.
    """

    path: Path
    columns: dict[str, list[str]] = field(repr=False)
    rows: Sequence[int] = field(default=(), repr=False)

    @classmethod
    def read(cls, path: Path, *, needed: Sequence[str] = (), least: int = 1) -> "Table":
        """Read a file, as spreadsheets write it too: with a mark before the first column, and parted by semicolons.

        Args:
            path: of a CSV file in UTF-8 whose first row names the columns.
            needed: columns that must be there; others are read too.
            least: rows that must be there.

        Raises:
            DataError: unreadable, too few rows, a column missing or named twice, or a row of another length.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                separator = ";" if ";" in file.readline(MAX_HEADER) else ","
                file.seek(0)
                found = enumerate(csv.reader(file, strict=True, delimiter=separator), start=1)
                numbered = [(number, row) for number, row in found if row]
                numbers, rows = [number for number, _ in numbered], [row for _, row in numbered]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"cannot read {path} ({reason}); a CSV file in UTF-8 is needed") from error
        if len(rows) <= least:
            wanted = f"a header and at least {least} row" if least else "a header"
            raise DataError(f"{path} has {len(rows)} rows; {wanted} is needed; add it")
        header = [name.strip() for name in rows[0]]
        missing = [name for name in needed if name not in header]
        if missing:
            has = ", ".join(header)
            raise DataError(f"{path}, row 1: column {missing[0]} is missing; there are {has}; add it", row=1)
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise DataError(f"{path}, row 1: column {twice} is there twice; rename one", row=1)
        for number, row in zip(numbers[1:], rows[1:], strict=True):
            if len(row) != len(header):
                raise DataError(
                    f"{path}, row {number}: got {len(row)} fields; the header has {len(header)}; correct the row",
                    row=number,
                )
        fields = zip(*rows[1:], strict=True) if rows[1:] else [() for _ in header]
        columns = {name: [text.strip() for text in texts] for name, texts in zip(header, fields, strict=True)}
        return cls(path, columns, numbers[1:])

    def __len__(self) -> int:
        """Return the number of rows below the header."""
        return len(next(iter(self.columns.values())))

    def require(self, needed: Sequence[str], *, allowed: Collection[str]) -> None:
        """Refuse a table without a column, or with one that nothing reads.

        Raises:
            DataError: one is missing or unknown; the nearest name is said, where there is one.
        """
        for name in needed:
            if name not in self.columns:
                raise DataError(f"{self.path} has no column {name}; it needs {', '.join(needed)}")
        for name in self.columns:
            if name not in allowed:
                hint = did_you_mean(name, allowed) or f"; it may have {', '.join(allowed)}"
                raise DataError(f"{self.path} has a column {name}, which nothing reads{hint}")

    def row(self, index: int) -> int:
        """Return the number in the file of a row, from 0 below the header."""
        return self.rows[index] if self.rows else index + 2

    def place(self, index: int) -> str:
        """Return file and row of a row, from 0 below the header, for messages."""
        return f"{self.path}, row {self.row(index)}"

    def refuse(self, index: int, column: str, needed: str) -> NoReturn:
        """Say what is wrong with one field.

        Args:
            index: of the row, from 0 below the header.
            column: its name.
            needed: what is allowed there.

        Raises:
            DataError: always.
        """
        got = self.columns[column][index]
        raise DataError(
            f"{self.place(index)}, column {column}: got {got!r}; {needed}; correct the field", row=self.row(index)
        )

    def whole(self, column: str, *, last: int = 2**53) -> I64:
        """Return whole numbers from 0 to `last`: int64[rows].

        Raises:
            DataError: another text.
        """
        texts, digits = self.columns[column], max(len(str(last)), 16)
        found = np.empty(len(texts), dtype=np.int64)
        for index, text in enumerate(texts):
            if not (text.isascii() and text.isdecimal() and len(text) <= digits and int(text) <= last):
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
