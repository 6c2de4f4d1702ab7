"""Parquet files and frames are the tables of text that CSV files are."""

import datetime

import pyarrow as pa
import pytest
from pyarrow import parquet

from client_sdk.private.columnar import frame_of, parquet_of, read_table
from protocols.errors import DataError


def test_values_are_the_text_that_a_csv_file_has():
    day = datetime.datetime(2026, 3, 2)
    frame = {
        "person": ["a", None],
        "count": [1.0, None],
        "share": [0.25, float("nan")],
        "day": [day, None],
        "hour": [day.replace(hour=7), day],
        "flag": pa.array(["x", "y"]).dictionary_encode(),
        "__index_level_0__": [7, 9],
    }
    assert read_table(frame).columns == {
        "person": ["a", ""],
        "count": ["1", ""],
        "share": ["0.25", ""],
        "day": ["2026-03-02", ""],
        "hour": ["2026-03-02T07:00:00", "2026-03-02T00:00:00"],
        "flag": ["x", "y"],
    }


def test_what_is_written_as_parquet_is_read_again(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet_of(["n", "name"], [[1, "x"], [2, ""]]))
    assert read_table(path).columns == {"n": ["1", "2"], "name": ["x", ""]}
    assert parquet.read_table(path)["n"].type == pa.int64()
    path.write_bytes(parquet_of(["n"], []))
    assert len(read_table(path)) == 0


def test_what_is_no_table_is_one_line(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_text("no parquet")
    for source, why in (
        (path, "a Parquet file is needed"),
        (3, "cannot read a int"),
        (pa.table([[1], [2]], names=["a", "a"]), "two of one name"),
        ({}, "has no column"),
        ({"a": [[1, 2]]}, "the column a is of type list"),
    ):
        with pytest.raises(DataError, match=why) as refused:
            read_table(source)
        assert "\n" not in str(refused.value)
    assert frame_of({"a": [1]}).num_rows == 1
