"""Tables of text: as spreadsheets write them, and whose mistakes are told by row and column."""

import numpy as np
import pytest

from client_sdk.private.table import Table
from protocols.errors import DataError


@pytest.fixture
def read(tmp_path):
    def _read(content, **given):
        path = tmp_path / "people.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Table.read(path, **given)

    return _read


@pytest.mark.parametrize("content", ["a,b\n1,x\n\n2, y \n", "\ufeffa;b\r\n1;x\r\n\r\n2; y \r\n"])
def test_a_mark_semicolons_and_empty_rows_are_read_as_spreadsheets_mean_them(read, content):
    table = read(content)
    assert table.columns == {"a": ["1", "2"], "b": ["x", "y"]}
    assert len(table) == 2
    assert table.place(1).endswith("people.csv, row 4")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a,b\n", "has 1 rows; a header and at least 1 row is needed"),
        ("a,a\n1,2\n", "column a is there twice"),
        ("b,c\n1,2\n", "row 1: column a is missing; there are b, c"),
        ("a,b\n1,2\n3\n", "row 3: got 1 fields; the header has 2"),
        (b"a,b\n\xff,2\n", "a CSV file in UTF-8 is needed"),
    ],
)
def test_a_table_that_is_none_is_one_line_with_its_row(read, content, why):
    with pytest.raises(DataError, match=why) as refused:
        read(content, needed=("a",))
    assert "\n" not in str(refused.value)


def test_whole_numbers_numbers_and_codes_are_read_and_others_refused_by_row_and_column(read):
    table = read("n,x,kind\n1,0.5,a\n20,,b\n-3,nan,c\n")
    first = Table(table.path, {name: texts[:2] for name, texts in table.columns.items()})
    np.testing.assert_array_equal(first.whole("n"), [1, 20])
    np.testing.assert_array_equal(first.numbers("x", empty=7.0), [0.5, 7.0])
    np.testing.assert_array_equal(first.codes("kind", ("b", "a")), [1, 0])
    for refuse, why in (
        (lambda: table.whole("n"), r"row 4, column n: got '-3'; a whole number from 0"),
        (lambda: first.whole("n", last=9), r"row 3, column n: got '20'; a whole number from 0 to 9"),
        (lambda: first.numbers("x"), r"row 3, column x: got ''; a number of at least 0"),
        (lambda: table.numbers("x", empty=0.0), r"row 4, column x: got 'nan'"),
        (lambda: table.codes("kind", ("a", "b")), r"row 4, column kind: got 'c'; one of a, b is needed"),
    ):
        with pytest.raises(DataError, match=why):
            refuse()


def test_a_column_that_nothing_reads_is_told_with_the_nearest_one(read):
    table = read("persn,ward\n1,a\n")
    with pytest.raises(DataError, match="has no column person; it needs person"):
        table.require(("person",), allowed=("person", "ward"))
    with pytest.raises(DataError, match=r"has a column persn, which nothing reads.*person"):
        table.require((), allowed=("person", "ward"))
