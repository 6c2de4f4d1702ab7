"""Tables as the bytes of files."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet


def csv_of(table: pa.Table) -> bytes:
    """Return a table of columns as CSV."""
    sink = io.BytesIO()
    arrow_csv.write_csv(table, sink)
    return sink.getvalue()


def parquet_of(table: pa.Table) -> bytes:
    """Return a table of columns as Parquet."""
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def both(name: str, table: pa.Table) -> dict[str, bytes]:
    """Return `NAME.parquet` and `NAME.csv`, which pandas opens."""
    return {f"{name}.parquet": parquet_of(table), f"{name}.csv": csv_of(table)}


def csv_of_rows(rows: Sequence[Mapping[str, Any]], *, head: Sequence[str] = ()) -> bytes:
    """Return rows that name their values as CSV; `head` names the columns where there may be no row."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(head) or list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
