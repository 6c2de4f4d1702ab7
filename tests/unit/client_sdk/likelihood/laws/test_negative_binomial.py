"""The special function of the negative binomial law."""

import numpy as np
import pytest
from scipy import special

from client_sdk.likelihood.laws.negative_binomial import digamma


def test_digamma_agrees_with_scipy() -> None:
    x = np.array([1e-3, 0.5, 1.0, 7.3, 500.0])
    assert digamma(x) == pytest.approx(special.digamma(x), rel=1e-11)
