"""What a table's columns are, and values in words."""

import numpy as np
import pyarrow as pa
import pytest

from lpm_secure.scenario.results import words
from lpm_secure.scenario.results.words import SeriesWords


def test_a_table_keeps_what_its_columns_are():
    table = pa.table({"seed": [1], "day": [0], "S": [3], "I": [1]})
    assert words.words_of(table) == SeriesWords(("S", "I"), "")
    told = SeriesWords(("S",), "0" * 64)
    assert words.words_of(words.describe(table, told)) == told


@pytest.mark.parametrize(
    ("values", "said"), [([1200.4], "1,200"), ([1.0, 2.0, 3.0], "2 (1 to 3)"), (np.arange(101), "50 (5 to 95)")]
)
def test_a_median_has_a_range_where_there_are_several_values(values, said):
    assert words.spread(np.array(values)) == said


def test_parity_series_and_levels_are_plain():
    assert [words.parity_word(each) for each in (True, False, None, "skipped")] == [
        "identical",
        "different",
        None,
        "skipped",
    ]
    assert words.series_names("I") == words.series_names(["I"]) == ("I",)
    assert words.plain_levels(0.5) == (0.5,)
    assert words.plain_levels((0, 1)) == (0.0, 1.0)
    assert words.plain_levels((0.5, 1.5)) == words.plain_levels("x") == ()
