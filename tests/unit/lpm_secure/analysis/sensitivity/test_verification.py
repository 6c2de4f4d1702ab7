"""Verdicts on estimators, and how many seeds they take."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from lpm_secure.analysis.sensitivity.verification import FIRST, Verdict, adaptive, verify
from lpm_secure.gradients.estimators.estimator import Estimator, Jacobian
from protocols.errors import ParameterError


def jacobian(value, error):
    return Jacobian(np.array([value], dtype=float), np.array([error], dtype=float), 10, 1.0)


def test_a_verdict_knows_near_ratios_wide_intervals_and_wrong_signs():
    truth = jacobian([1.0, 1.0, 1.0, 1.0, -2.0], [0.0] * 5)
    found = jacobian([1.09, 1.3, 1.3, -0.1, -2.4], [0.0, 0.2, 0.1, 10.0, 0.0])
    verdict = Verdict.of("drawn", found, truth)
    assert verdict.signs.tolist() == [[True, True, True, False, True]]
    assert verdict.covers.tolist() == [[False, True, False, True, False]]
    assert verdict.holds.tolist() == [[True, True, False, False, False]]


def test_of_a_difference_over_whole_steps_there_is_no_ratio_whatever_both_sides_are():
    verdict = Verdict.of(
        "coupled",
        jacobian([2.0, 2.0, 0.0], [0.1] * 3),
        jacobian([2.0, 2.0, 0.0], [0.0] * 3),
        coarse=[False, True, True],
    )
    assert verdict.asked.tolist() == verdict.signs.tolist() == verdict.holds.tolist() == [[True, False, False]]
    assert np.isnan(verdict.ratio).tolist() == [[False, True, True]]
    assert not verdict.zeros.any()


def test_the_error_of_a_ratio_counts_both_sides():
    verdict = Verdict.of("drawn", jacobian([2.0], [0.3]), jacobian([4.0], [0.4]))
    assert verdict.ratio[0, 0] == 0.5
    assert verdict.error[0, 0] == pytest.approx(0.5 * np.hypot(0.3 / 2.0, 0.4 / 4.0))


def test_a_derivative_of_0_is_never_known_well_enough():
    assert jacobian([1.0, 0.0], [0.1, 0.2]).relative() == np.inf
    assert jacobian([1.0, 0.0], [0.1, 0.0]).relative() == pytest.approx(0.1)


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


@pytest.mark.parametrize(("sd", "expected"), [(0.01, FIRST), (0.3, 4 * FIRST), (5.0, 1_000)])
def test_seeds_are_doubled_until_the_error_is_small_enough_or_they_run_out(sd, expected):
    seen = []
    found = adaptive(Noise(sd), None, None, range(1_000), target=0.02, on_seed=lambda: seen.append(1))
    assert found.seeds == len(seen) == expected


def test_without_finite_differences_nothing_is_verified():
    with pytest.raises(ParameterError, match="finite_difference"):
        verify(None, None, {Noise(1.0): 10}, first_seed=0, target=0.1)


def test_zeros_on_both_sides_hold_and_what_has_no_answer_is_not_counted():
    verdict = Verdict.of(
        "drawn", jacobian([0.0, np.nan, 0.0], [0.0, np.nan, 0.0]), jacobian([0.0, 1.0, 2.0], [0.0] * 3)
    )
    assert verdict.zeros.tolist() == [[True, False, False]]
    assert verdict.asked.tolist() == [[True, False, True]]
    assert verdict.holds.tolist() == [[True, False, False]]


def test_an_estimate_whose_noise_covers_a_derivative_of_zero_holds_and_one_that_is_far_from_it_does_not():
    truth = Jacobian(np.array([[0.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.1]]), 2, 0.0)
    verdict = Verdict.of("score", Jacobian(np.array([[0.01, 0.03, 0.01]]), np.full((1, 3), 0.01), 2, 0.0), truth)
    assert verdict.zeros.tolist() == [[True, False, False]]
    assert verdict.holds.tolist()[0][:2] == [True, False]


def test_a_derivative_that_both_have_exactly_is_not_taken_for_zero():
    exact = Jacobian(np.array([[2.0, 0.0]]), np.zeros((1, 2)), 2, 0.0)
    verdict = Verdict.of("coupled", exact, exact)
    assert verdict.zeros.tolist() == [[False, True]]
    assert verdict.holds.all()
