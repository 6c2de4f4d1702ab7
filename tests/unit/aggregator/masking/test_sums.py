"""Masked words less pads are the true numbers, whatever the round."""

import numpy as np
import pytest

from aggregator.masking.sums import MaskedSums
from protocols.masking.plan import MaskingPlan
from protocols.masking.words import residue, to_integers


@pytest.fixture
def plan(manifest_of):
    return MaskingPlan(manifest_of(mode="outcome", cells=(9, 9), steps=3))


def test_differences_and_releases_are_those_of_the_clear_words(plan):
    rng = np.random.default_rng(1)
    clear, masked, pads = MaskedSums(plan), MaskedSums(plan), MaskedSums(plan)
    for number in range(7):
        names = plan.names if number < 4 else plan.names[:2]
        x, p = (
            {name: rng.integers(0, top, plan.count(name, number), dtype=np.uint64) for name in names}
            for top in (1000, 2**58)
        )
        d = {name: residue(x[name] + p[name]) for name in names}
        ahead = pads.after(number, p).differences()
        for sums, words in ((clear, x), (masked, d), (pads, p)):
            sums.take(number, words)
        np.testing.assert_array_equal(pads.differences(), ahead)
        difference = residue(masked.differences() - pads.differences())
        np.testing.assert_array_equal(difference, clear.differences())
        if plan.opens(number):
            release = residue(masked.release(d) - pads.release(p))
            np.testing.assert_array_equal(release, sum(each[plan.layout.message_words :] for each in x.values()))


def test_own_growth_adds_up_and_the_threshold_stays(plan):
    sums = MaskedSums(plan)
    sums.take(0, {"client-1": np.array([100], np.uint64)})
    for number, growth in ((2, 5), (4, 7)):
        sums.take(number, {"client-1": np.array([growth], np.uint64)})
    assert to_integers(sums.differences())[0, 2] == 100 - 12


def test_levels_that_begin_anew_keep_the_messages_of_the_step_and_own_growth(manifest_of, seir):
    plan = MaskingPlan(manifest_of(mode="outcome", steps=2, model=seir(beta=(1,), f=1, waning=(2**31, 2**31))))
    sums, n = MaskedSums(plan), plan.layout.n
    exposure = np.full((n, plan.layout.c), 3)
    spoken = plan.layout.pack(exposure, np.zeros(plan.layout.cells, np.int64), np.zeros(plan.layout.q, np.int64))
    decided = {name: np.tile(np.array([2, 50, 0], np.uint64), plan.layout.size(name)) for name in plan.names}
    before = np.full(n, 7, np.uint64)
    sums.take(1, {plan.names[0]: spoken})
    assert not sums.factors().any()
    sums.take(2, decided, before)
    heard = to_integers(sums.differences())[0]
    assert set(heard.tolist()) == {50 - 7 - 2 - 3 * plan.layout.outcomes[0].coefficients[0]}
    assert set(sums.factors().tolist()) == {7 + 2 + 3 * plan.layout.outcomes[0].coefficients[0]}
