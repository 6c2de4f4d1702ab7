"""The noise of secure sums: one draw for each sum that is opened, and none for a round that asks."""

import numpy as np
import pytest

from aggregator.release.sum_noise import SumNoise
from protocols.errors import BudgetSpent
from protocols.releases.mechanism import DiscreteGaussian
from protocols.task.release_plan import ReleasePlan
from tests.sum_manifests import WORDS, sum_manifest, sum_releases

KEY = bytes(32)


def noise_of(manifest):
    return SumNoise(ReleasePlan.of(manifest), manifest.sigma, KEY)


def test_a_round_that_asks_opens_nothing_whatever_clients_tell():
    total = np.arange(WORDS, dtype=np.uint64)
    assert not noise_of(sum_manifest()).add(0, total, before=b"")[0].any()
    assert np.array_equal(noise_of(sum_manifest()).add(1, total, before=b"")[0], total)


def test_each_answering_round_has_noise_of_its_own_with_the_sigma_of_the_manifest():
    manifest, total = sum_manifest(releases=sum_releases()), np.zeros(WORDS, dtype=np.uint64)
    one, other = (noise_of(manifest).add(step, total, before=b"")[0].view(np.int64) for step in (1, 3))
    assert not np.array_equal(one, other)
    expected = DiscreteGaussian(manifest.sigma).from_key(KEY, WORDS, stream=2)
    assert np.array_equal(one, expected)
    assert manifest.sigma == pytest.approx(2 * 2000 * 2**24, rel=1e-6)


def test_each_sum_that_is_opened_in_a_round_has_noise_of_its_own_and_none_of_another_rounds():
    manifest, total = sum_manifest(releases=sum_releases()), np.zeros(WORDS, dtype=np.uint64)
    steps, places, noise = (1, 3, 5), range(20), noise_of(manifest)
    drawn = {noise.add(step, total, before=b"", place=place)[0].tobytes() for step in steps for place in places}
    assert len(drawn) == len(steps) * len(places)


def test_every_sum_is_counted_and_none_is_opened_beyond_what_the_noise_was_made_for():
    noise, total, before = noise_of(sum_manifest(releases=sum_releases())), np.zeros(WORDS, dtype=np.uint64), b""
    for place in range(3):
        _, before = noise.add(1, total, before=before, place=place)
    with pytest.raises(BudgetSpent, match="3 sums"):
        noise.add(3, total, before=before)
    assert noise.add(2, total, before=before) == (pytest.approx(0), before)
