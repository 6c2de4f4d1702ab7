"""Tables in files of either form: CSV, which every client reads and writes, or Parquet, which needs pyarrow."""

import csv
import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

from client_sdk.private.table import PARQUET, Table
from protocols.atomic_file import write_atomically
from protocols.errors import DataError


def read_file(path: Path, *, least: int = 0) -> Table:
    """Return a file as a table of text.

    Args:
        path: of the file; its ending says which form it has.
        least: rows that a CSV file must have.

    Raises:
        DataError: it cannot be read, or is of a form that this installation does not read.
    """
    if path.suffix.lower() not in PARQUET:
        return Table.read(path, least=least)
    try:
        from client_sdk.private.columnar import read_table  # noqa: PLC0415 - slow to load, and no part of a client's own
    except ModuleNotFoundError as error:
        raise DataError(f"{path} needs {error.name}, which is not installed; install it, or give a CSV file") from error
    return read_table(path)


def require_form(path: Path) -> None:
    """Refuse the name of a file that this installation cannot write.

    Raises:
        DataError: it is of Parquet, and pyarrow is not installed.
    """
    if path.suffix.lower() in PARQUET and importlib.util.find_spec("pyarrow") is None:
        raise DataError(f"{path} needs pyarrow, which is not installed; install it, or name a CSV file")


def write_file(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table, whole, in the form that its name ends in; mode 0600.

    Args:
        path: of the file.
        header: names of the columns.
        rows: of values; an empty text is none, and stands so in either form.
    """
    if path.suffix.lower() in PARQUET:
        from client_sdk.private.columnar import parquet_of  # noqa: PLC0415 - as above

        write_atomically(path, parquet_of(header, rows))
        return
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_atomically(path, text.getvalue().encode())
