"""The noise of a calibration and its budget, over all sums that are opened."""

import numpy as np
import pytest
import torch

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.accounting import smooth_sigma_for
from lpm_secure.calibration.privacy import ledger
from lpm_secure.secure_sum.parties import NOWHERE, build_noisy_releases, manifest_for
from protocols.errors import BudgetSpent, ParameterError
from tests.calibration_hospitals import in_process
from tests.short_fits import CLIPPED, COURSE, STUDY, drawn_words, fit_of, sums_of


def test_noise_covers_every_opening_and_ends_with_its_budget():
    noise = smooth_sigma_for(4.0, 1e-6) * 3**0.5
    fit = fit_of(
        sums_of(local_steps=0, releases=build_noisy_releases(sigma=noise, rounds=3, epsilon=4.0, delta=1e-6), rounds=3)
    )
    for _ in range(3):
        fit.advance()
    told = ledger(CLIPPED, sigma=noise, openings=3, planned=3, delta=1e-6, d=30)
    assert told["epsilon"] == pytest.approx(4.0, rel=2e-3)
    assert not fit.refusals
    with pytest.raises(ParameterError, match="over after 3 rounds"):
        fit.advance()


def test_sums_of_pools_are_paid_for_too_and_none_is_opened_beyond_the_budget():
    releases = build_noisy_releases(sigma=0.5, rounds=6, epsilon=1e6, delta=1e-6)
    sums = sums_of(local_steps=0, releases=releases, rounds=6, garbage={"institution-4": drawn_words})
    with pytest.raises(BudgetSpent, match="6 sums"):
        fit_of(sums).run()
    assert sums.openings == 6


@pytest.mark.parametrize("bits", [1, 8, 24])
def test_noise_covers_what_rounding_adds_to_a_clipped_gradient(bits):
    """Entries just above the middle between two words are all rounded up: the norm of the words is above the clip."""
    d, middle = 6_000, 0.5000001 * 2.0**-bits
    contribution = Contribution(clip=middle * d**0.5, bits=bits)
    added = float(np.linalg.norm(contribution.encode(np.full(d, middle)).astype(float)))
    assert added > 1.9 * contribution.clip * 2.0**bits
    multiplier = smooth_sigma_for(1.0, 1e-6)
    releases = build_noisy_releases(sigma=multiplier, rounds=1, epsilon=1.0, delta=1e-6)
    given = {"contribution": contribution, "rounds": 1, "min_cohort": 2, "releases": releases}
    task = manifest_for(("a", "b"), (d,), [NOWHERE] * 2, **given)
    assert task.sigma >= multiplier * added * (1 - 1e-6)
    told = ledger(contribution, sigma=multiplier, openings=1, planned=1, delta=1e-6, d=d)
    assert told["epsilon"] == pytest.approx(1.0, rel=2e-3)


def test_the_noise_in_a_sum_has_its_spread():
    multiplier = smooth_sigma_for(1.0, 1e-6)
    log_x = COURSE.log_mean(torch.zeros(60, COURSE.p, dtype=torch.float64))
    held = STUDY.institutions(local_steps=0)
    releases = build_noisy_releases(sigma=multiplier, rounds=1, epsilon=1.0, delta=1e-6)
    with_noise = in_process(held, draws=60, contribution=CLIPPED, rounds=1, releases=releases)
    totals = [each.open(log_x.numpy()).total for each in (with_noise, in_process(held, draws=60, contribution=CLIPPED))]
    ratio = float(CLIPPED.decode(totals[0] - totals[1]).std()) / (np.sqrt(2) * 50.0 * multiplier)
    assert ratio == pytest.approx(1.0, abs=0.15)
