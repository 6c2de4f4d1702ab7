"""Tables of text from CSV and Parquet files, and from frames of pandas, polars or pyarrow."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from client_sdk.private.table import PARQUET, Table
from protocols.errors import DataError

FRAME: Final = Path("the frame")
MIDNIGHT: Final = "T00:00:00"
INDEX: Final = r"__index_level_\d+__"  # the rows' own numbers, of a frame of which some rows are left


def read_table(source: Path | Any) -> Table:
    """Return a table of text.

    Args:
        source: path of a CSV or Parquet file; or a frame: whatever pyarrow makes a table of, and a mapping of columns.

    Raises:
        DataError: it cannot be read, or has values that are no text, number or date.
    """
    if not isinstance(source, Path):
        return _of(frame_of(source), FRAME)
    if source.suffix.lower() not in PARQUET:
        return Table.read(source, least=0)
    try:
        return _of(parquet.read_table(source), source)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read {source} ({str(error).splitlines()[0]}); a Parquet file is needed") from error


def frame_of(source: Any) -> pa.Table:
    """Return a frame as a table of pyarrow, without a column of its rows' own numbers.

    Raises:
        DataError: it is no frame.
    """
    try:
        table = pa.table(source)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise DataError(f"cannot read a {type(source).__name__} ({error}); give a path, or a frame") from error
    return table.select([place for place, name in enumerate(table.column_names) if not re.fullmatch(INDEX, name)])


def _of(table: pa.Table, path: Path) -> Table:
    if len(set(table.column_names)) < table.num_columns or not table.num_columns:
        raise DataError(f"{path} has no column, or two of one name; name each column once")
    return Table(path, {name: _text(table[name], path, name) for name in table.column_names})


def _text(column: pa.ChunkedArray, path: Path, name: str) -> list[str]:
    """Return values as a CSV file has them: empty where there is none, whole numbers of floats without a point."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if pa.types.is_floating(kind):  # as frames hold whole numbers of which some are missing
        values = (None if value is None or value != value else value for value in column.to_pylist())  # noqa: PLR0124
        return ["" if value is None else repr(int(value) if value.is_integer() else value) for value in values]
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)  # finer ones need pandas to be read
        return _moments(column.to_pylist())
    try:
        texts = pc.fill_null(column.cast(pa.string()), "").to_pylist()
    except pa.ArrowException as error:
        raise DataError(f"{path}: the column {name} is of type {kind}; text, numbers or dates are needed") from error
    return [text.strip() for text in texts]


def _moments(values: list[Any]) -> list[str]:
    """Return times, or their days where none of the column has a time, as frames hold days."""
    texts = ["" if value is None else str(value.isoformat(timespec="seconds")) for value in values]
    days = all(text.endswith(MIDNIGHT) for text in texts if text)
    return [text.removesuffix(MIDNIGHT) for text in texts] if days else texts


def parquet_of(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """Return a table as a Parquet file; empty texts are none, and a column has the type of its values."""
    columns = [[None if value == "" else value for value in column] for column in zip(*rows, strict=True)]
    out = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(header, columns or [[] for _ in header], strict=True))), out)
    return out.getvalue()
