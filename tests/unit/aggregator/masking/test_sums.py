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
