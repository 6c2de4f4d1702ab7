"""Cells: public totals, and the hazard they exert."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.models.cells import cell_totals, pressure

CELLS = st.lists(st.tuples(st.integers(0, 2**40), st.integers(1, 2**32)), max_size=8)


@given(CELLS, st.integers(0, 2**62))
def test_pressure_is_exactly_the_floor_of_beta_times_the_infectious_share(cells, beta):
    totals, sizes = (np.array([cell[i] for cell in cells], dtype=np.int64) for i in (0, 1))
    expected = [floor(beta * min(Fraction(total, size), Fraction(1))) for total, size in cells]
    result = pressure(totals, sizes, beta)
    assert result.dtype == np.int64
    assert result.tolist() == expected


@given(CELLS, st.integers(0, 2**62))
def test_pressure_never_exceeds_beta(cells, beta):
    totals, sizes = (np.array([cell[i] for cell in cells], dtype=np.int64) for i in (0, 1))
    assert (pressure(totals, sizes, beta) <= beta).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9))))
def test_totals_count_what_is_said_in_each_cell(said):
    cell, says = (np.array([row[i] for row in said], dtype=np.int64) for i in (0, 1))
    expected = [sum(value for where, value in said if where == cell) for cell in range(5)]
    assert cell_totals(says, cell, cells=5).tolist() == expected


def test_without_cells_there_is_no_pressure():
    nothing = np.zeros(0, dtype=np.int64)
    assert pressure(nothing, nothing, 5).shape == (0,)


@pytest.mark.parametrize("total", [-1, -(2**62), 2**62])
def test_a_total_that_cannot_be_counts_as_the_nearest_that_can(total):
    size, beta = 10, 2**38
    expected = 0 if total < 0 else beta
    assert pressure(np.array([total]), np.array([size]), beta).tolist() == [expected]


def test_a_cell_where_nobody_mixes_has_no_hazard():
    assert pressure(np.array([0, 3]), np.array([0, 4]), 2**32).tolist() == [0, 3 * 2**30]
