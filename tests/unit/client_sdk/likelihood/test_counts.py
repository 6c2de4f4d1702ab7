"""The likelihood of counts: its law, its derivatives, censored weeks."""

import numpy as np
import pytest
from scipy import special, stats

from client_sdk.likelihood.counts import Counts
from protocols.errors import DataError


def test_likelihood_is_the_negative_binomials_and_a_censored_count_is_1_to_3() -> None:
    mean, r = np.array([4.0, 2.5, 7.0]), 3.5
    value, _, _ = Counts(np.array([6.0, -1.0, np.nan])).log_likelihood(mean, r)
    law = [stats.nbinom(r, r / (r + m)) for m in mean]
    assert value[0] == pytest.approx(law[0].logpmf(6))
    assert value[1] == pytest.approx(np.log(law[1].pmf([1, 2, 3]).sum()))
    assert value[2] == 0.0


def test_likelihood_has_the_right_derivatives() -> None:
    counts, mean, r, h = Counts(np.array([6.0, -1.0, np.nan, 0.0, 8.7])), np.array([4.0, 2.5, 7.0, 1.0, 3.0]), 3.5, 1e-6
    _, by_mean, by_r = counts.log_likelihood(mean, r)
    up, down = (counts.log_likelihood(mean * np.exp(s * h), r)[0] for s in (1, -1))
    assert by_mean == pytest.approx((up - down) / (2 * h), abs=1e-6)
    up, down = (counts.log_likelihood(mean, r * np.exp(s * h))[0] for s in (1, -1))
    assert by_r == pytest.approx((up - down) / (2 * h), abs=1e-6)


def test_digamma_agrees_with_scipy() -> None:
    from client_sdk.likelihood.counts import _digamma

    x = np.array([1e-3, 0.5, 1.0, 7.3, 500.0])
    assert _digamma(x) == pytest.approx(special.digamma(x), rel=1e-11)


def test_a_series_that_holds_no_count_is_refused() -> None:
    with pytest.raises(DataError, match="week 2"):
        Counts(np.array([1.0, -7.0]))
