"""Contacts by day, and what is refused of them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.data.contact_data import by_day
from protocols.errors import DataError

PERSON = st.integers(1, 5)
ROW = st.tuples(st.integers(0, 20), PERSON, PERSON).filter(lambda row: row[1] != row[2])


@given(st.lists(ROW, min_size=1, max_size=60))
def test_weights_count_the_intervals_of_a_pair_on_a_day(rows):
    rows = [(quarter * 21_600, i, j) for quarter, i, j in rows]
    data = by_day(np.array(rows), dict.fromkeys(range(6), "G"), "made up")
    measured = sorted({t // 86_400 for t, _, _ in rows})
    counted = Counter((measured.index(t // 86_400), min(i, j), max(i, j)) for t, i, j in rows)
    keys = zip(data.day.tolist(), data.a.tolist(), data.b.tolist(), strict=True)
    assert dict(zip(keys, data.weight.tolist(), strict=True)) == counted
    assert data.days == len(measured)
    assert data.people.tolist() == sorted({person for _, i, j in rows for person in (i, j)})


def test_a_contact_of_a_person_without_a_group_is_refused_and_printing_shows_nobody():
    with pytest.raises(DataError, match="person 9, who has no group"):
        by_day(np.array([[20, 1, 9]]), {1: "G"}, "made up")
    assert "7700" not in repr(by_day(np.array([[20, 77_001, 77_002]]), {77_001: "G", 77_002: "H"}, "made up"))
