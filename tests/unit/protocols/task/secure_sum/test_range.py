"""The range of an opened sum: what its members may add, with rounding and noise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.secure_sum.parties import NOWHERE, build_noisy_releases, manifest_for
from protocols.task.secure_sum.range import LARGEST_DEVIATION, SumRule
from tests.repetitions import repetitions


def manifest_of(**changes):
    names = tuple(f"h{index:02}" for index in range(8))
    given = {"contribution": Contribution(clip=50.0), "rounds": 3, "min_cohort": 4}
    return manifest_for(names, (2, 2, 6), [NOWHERE] * 2, **given, **changes)


def test_a_sum_is_in_range_up_to_its_members_clips_and_their_rounding():
    manifest, members = manifest_of(), 4
    d = manifest.length
    rounding = members * (math.sqrt(d) + LARGEST_DEVIATION)
    largest = math.ceil(members * 50.0 * 2.0**24 + rounding)
    total = np.zeros(d, dtype=np.int64)
    for sign in (1, -1):
        total[3] = sign * largest
        assert SumRule.of(manifest).in_range(total, members)
        total[3] = sign * (largest + 1)
        assert not SumRule.of(manifest).in_range(total, members)
    assert SumRule.of(manifest).in_range(total, members + 1)
    spread = np.full(d, int(largest / math.sqrt(d)), dtype=np.int64)
    assert SumRule.of(manifest).in_range(spread, members)
    assert not SumRule.of(manifest).in_range(spread + 2, members)


@pytest.mark.parametrize("word", [2**62, -(2**63), 2**32 * 50 * 2**24])
def test_a_word_whose_square_wraps_is_out_of_range(word):
    total = np.zeros(manifest_of().length, dtype=np.int64)
    total[0] = word
    assert not SumRule.of(manifest_of()).in_range(total, 8)


def test_noise_widens_the_range():
    manifest = manifest_of(releases=build_noisy_releases(sigma=2.0, rounds=3, epsilon=10.0, delta=1e-6))
    scale = math.sqrt(2) * manifest.sigma
    total = np.zeros(manifest.length, dtype=np.int64)
    total[0] = int(4 * 50.0 * 2.0**24 + 10 * scale)
    assert SumRule.of(manifest).in_range(total, 4)
    assert not SumRule.of(manifest_of()).in_range(total, 4)
    total[0] *= 2
    assert not SumRule.of(manifest).in_range(total, 4)


@settings(max_examples=repetitions(200))
@given(st.integers(-3, 3), st.integers(0, 23), st.integers(0, 2**20))
def test_near_the_bound_the_answer_is_that_of_whole_numbers(off, place, other):
    """Far from it floating point decides, whose rounding cannot change it."""
    manifest, members = manifest_of(), 4
    largest = math.ceil(members * 50.0 * 2.0**24 + members * (math.sqrt(manifest.length) + LARGEST_DEVIATION))
    total = np.zeros(manifest.length, dtype=np.int64)
    total[place] = math.isqrt(max(largest**2 - other**2, 0)) + off
    total[place - 1] = other
    words = total.tolist()
    assert SumRule.of(manifest).in_range(total, members) == (sum(word * word for word in words) <= largest**2)
