"""Estimates of disjoint seeds."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian


@final
@dataclass(frozen=True, slots=True)
class Noise(Estimator):
    """Normal draws of mean 1 and a standard deviation."""

    name: ClassVar[str] = "noise"
    unbiased: ClassVar[bool] = True

    sd: float

    def estimate(self, problem, theta, seeds, *, on_seed=lambda: None):
        for _ in seeds:
            on_seed()
        draws = np.array([np.random.default_rng(seed).normal(1, self.sd, (1, 1)) for seed in seeds])
        return Jacobian.mean(draws, since=0.0)


def test_joined_estimates_are_those_of_all_seeds():
    whole = Noise(1.0).estimate(None, None, range(300))
    parts = Jacobian.join(
        [Noise(1.0).estimate(None, None, range(100)), Noise(1.0).estimate(None, None, range(100, 300))]
    )
    assert parts.value == pytest.approx(whole.value)
    assert parts.error == pytest.approx(whole.error, rel=0.02)
