"""A table of text from a file of either form: CSV, which every client reads, or Parquet, which needs pyarrow."""

from pathlib import Path

from client_sdk.private.table import PARQUET, Table
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
