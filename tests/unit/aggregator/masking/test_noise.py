"""Noise of masked releases, and what they may cost."""

import pytest

from aggregator.masking.noise import ReleaseSpending, noise_of
from protocols.errors import BudgetSpent
from protocols.masking.plan import MaskingPlan
from protocols.releases.query import Release, Releases

GIVEN = {"mechanism": "discrete-gaussian", "sigma": 1e6, "unit": "contribution", "epsilon": 1.0, "delta": 0.1}
CELLS = Release(name="cells", times=3, **GIVEN)
NUMBER = 1


@pytest.fixture
def plan(manifest_of):
    releases = Releases(each=(CELLS, Release(name="tally")), rho=CELLS.rho(2))
    return MaskingPlan(manifest_of(mode="outcome", cells=(9, 9), releases=releases))


def test_noise_is_of_the_key_the_round_and_the_question(plan):
    noise = noise_of(plan, bytes(32), NUMBER, bytes(32))
    assert noise[:2].all()
    assert not noise[2:].any()
    others = [(bytes([1] * 32), NUMBER, bytes(32)), (bytes(32), 3, bytes(32)), (bytes(32), NUMBER, bytes([1] * 32))]
    for key, number, question in others:
        assert (noise_of(plan, key, number, question)[:2] != noise[:2]).all()
    assert (noise_of(plan, bytes(32), NUMBER, bytes(32)) == noise).all()


def test_exact_cells_have_no_noise(manifest_of):
    plan = MaskingPlan(manifest_of(mode="outcome", cells=(9, 9)))
    assert not noise_of(plan, bytes(32), NUMBER, bytes(32)).any()


def test_a_release_beyond_the_budget_is_refused_before_it_is_made(plan):
    spending = ReleaseSpending(plan)
    for number in (1, 3):
        spending.charge(number)
    with pytest.raises(BudgetSpent):
        spending.charge(5)
