"""Whether a posterior is as sure as it may be."""

import pytest
import torch

from lpm_secure.calibration.amortisation.calibration_check import check
from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior


@pytest.mark.slow
def test_ranks_of_simulated_truths_are_uniform_and_intervals_cover(amortised: AmortisedPosterior) -> None:
    found = check(amortised, batches=8)
    assert found.simulations == 512
    assert found.p_value > 0.01
    low, high = found.band()
    coverage = found.coverage()
    assert low <= coverage.mean() <= high
    assert coverage.min() > 0.85
    assert found.density > found.prior_density + 0.5  # the sum has told something
    assert found.spread.min() < 0.9


@pytest.mark.slow
def test_ranks_find_a_posterior_that_is_too_sure(amortised: AmortisedPosterior) -> None:
    diagonal = amortised.centre.posterior.log_diagonal
    with torch.no_grad():
        diagonal -= 0.3
        found = check(amortised, batches=8)
        diagonal += 0.3
    assert found.p_value < 1e-3
    assert found.coverage().mean() < found.band()[0]
