"""Sums of a training over a cohort: bounded, masked by no keystream twice, and over enough institutions."""

import numpy as np
import pytest
import torch

from lpm_secure.calibration.amortisation.cohort import SecureCohort
from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior
from protocols.errors import CohortTooSmall, WouldWrap
from tests.amortised_hospitals import COURSE, SMALL, learners, trained


def test_training_does_not_depend_on_the_masks() -> None:
    one, other = trained(SecureCohort(learners())), trained(SecureCohort(learners(), aggregators=4))
    assert torch.equal(one.weights, other.weights)
    assert torch.equal(one.posterior(4, draws=5, seed=1), other.posterior(4, draws=5, seed=1))


def test_a_sum_over_too_few_hospitals_is_refused() -> None:
    with pytest.raises(CohortTooSmall, match="the manifest promises 5"):
        trained(SecureCohort(learners(), absent={0: frozenset({"hospital-1", "hospital-3"})}))


def test_a_clip_whose_sum_could_wrap_is_refused() -> None:
    with pytest.raises(WouldWrap):
        SecureCohort(learners(), clip=2.0**30)


def test_what_a_hospital_adds_to_a_step_is_bounded() -> None:
    amortised = AmortisedPosterior(COURSE, SecureCohort(learners(), clip=1e-3), tuple(learners()), SMALL)
    amortised.advance()
    assert amortised.weights.grad is not None
    norm = float(amortised.weights.grad.norm())
    assert 0 < norm <= 6 * 1e-3 * (1 + 1e-6)


def test_no_two_sums_are_masked_by_one_keystream() -> None:
    cohort = SecureCohort(learners())
    weights = cohort.learners["hospital-0"].encoder.begin(1)
    cohort.tell(weights, 4)
    (sums,) = (each for (rows, width, _), each in cohort._sums.items() if (rows, width) == (1, 17))
    zero = np.zeros(17, dtype=np.int64)
    masks = [sums._backend.split(zero, "hospital-0", 2 * number + 1)[0].tobytes() for number in range(3)]
    other = cohort._sums_of(1, weights.size, cohort.clip)
    masks.append(other._backend.split(np.zeros(weights.size, dtype=np.int64), "hospital-0", 1)[0][:17].tobytes())
    assert len(set(masks)) == 4
