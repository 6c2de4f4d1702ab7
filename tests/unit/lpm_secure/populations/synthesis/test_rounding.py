"""Tables and shares in whole numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.populations.synthesis.rounding import fit_margins, largest_remainder, whole


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40), st.integers(0, 10**7))
def test_shares_by_largest_remainder_add_up_and_are_off_by_less_than_one(weights, total):
    if not sum(weights):
        weights[0] = 1
    found = largest_remainder(np.array(weights), total)
    assert found.sum() == total
    assert (np.abs(found - np.array(weights) * (total / sum(weights))) < 1 + 1e-6).all()


@given(st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**32))
def test_a_fitted_table_rounds_to_whole_numbers_with_both_totals(rows, columns, seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 50, (rows, columns))
    right, below = table.sum(axis=1), table.sum(axis=0)
    found = whole(fit_margins(rng.random((rows, columns)) + 0.1, right, below), right, below)
    assert found.min() >= 0
    assert np.array_equal(found.sum(axis=1), right)
    assert np.array_equal(found.sum(axis=0), below)
