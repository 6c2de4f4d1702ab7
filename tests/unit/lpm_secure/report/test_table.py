"""Tables as files."""

from lpm_secure.report.table import csv_of_rows


def test_a_table_without_rows_keeps_its_head():
    assert csv_of_rows([], head=("a", "b")) == b"a,b\r\n"
    assert csv_of_rows([{"a": 1, "b": None}]) == b"a,b\r\n1,\r\n"
