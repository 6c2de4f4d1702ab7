"""What a count can have been, and the probability of any of these."""

import numpy as np
import pytest

from client_sdk.likelihood.laws.count_interval import WIDEST, alternatives, log_gamma, mix
from client_sdk.likelihood.series import Series
from protocols.errors import DataError


def test_a_count_is_itself_and_bounds_are_every_count_between_them():
    least = np.array([3.0, 0.5, -np.inf, np.nan, 2.0])
    most = np.array([3.0, 2.9, 1.0, np.nan, 4.0])
    counts, possible = alternatives(Series(least, most))
    found = [row[there].tolist() for row, there in zip(counts, possible, strict=True)]
    assert found == [[3.0], [1.0, 2.0], [0.0, 1.0], [], [2.0, 3.0, 4.0]]


@pytest.mark.parametrize(
    ("least", "most", "why"),
    [
        (-1.0, -1.0, "period 2 is no count"),
        (2e6, 2e6, "period 2 is no count"),
        (1.2, 1.8, "period 2 is no count"),
        (0.0, WIDEST + 1.0, f"period 2 is one of more than {WIDEST} counts"),
    ],
)
def test_what_is_no_count_is_told_with_its_period(least, most, why):
    with pytest.raises(DataError, match=why) as refused:
        alternatives(Series(np.array([1.0, least]), np.array([1.0, most])))
    assert refused.value.row == 2


def test_probabilities_add_up_and_nothing_is_told_where_nothing_is_possible():
    possible = np.array([[True, True], [True, False], [False, False]])
    log_p, slopes = np.log([[0.2, 0.3], [0.5, 0.9], [0.1, 0.1]]), np.array([[1.0, 2.0], [3.0, 9.0], [9.0, 9.0]])
    value, by_mean, by_spread = mix(possible, log_p, slopes, -slopes)
    np.testing.assert_allclose(value, [np.log(0.5), np.log(0.5), 0.0])
    np.testing.assert_allclose(by_mean, [0.4 * 1 + 0.6 * 2, 3.0, 0.0])
    np.testing.assert_allclose(by_spread, -by_mean)
    np.testing.assert_allclose(log_gamma(np.array([[1.0, 5.0]])), [[0.0, np.log(24.0)]], atol=1e-12)
