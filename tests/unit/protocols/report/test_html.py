"""Cells of a page's tables."""

from protocols.report import html


def test_cells_are_shown_in_one_way_everywhere():
    assert [html.cell(value) for value in (None, 0.123456, 3, "x")] == ["none", "0.1235", "3", "x"]
    assert "<tr class=broken><td>2" in html.table([(1,), (2,)], broken=[1])
