"""What an institution encodes keeps to its norm to the last unit, whatever doubles round."""

import numpy as np
import pytest

from client_sdk.secure_sum.contribution import Contribution, clip_integers
from protocols.task.secure_sum.spec import largest_squares, reach
from tests.sum_manifests import ONE, SHAPE, WORDS, sum_manifest


def squares(words):
    return sum(int(word) ** 2 for word in words)


@pytest.mark.parametrize("bits", [1, 24, 45])
def test_what_is_encoded_is_within_its_norm_in_whole_numbers(bits):
    way, rng = Contribution(clip=1000.0, bits=bits), np.random.default_rng(bits)
    for length in (1, 7, 300):
        words = way.encode(rng.normal(size=length) * 1e6)
        bound = reach(way.clip, way.bits, length)
        assert squares(words) <= largest_squares(bound) <= bound**2 * (1 + 1e-15)
        assert squares(words) > (bound * (1 - 1e-3) - length) ** 2


def test_integers_beyond_the_bound_move_towards_nothing_and_others_stay():
    words = np.array([3, -4, 0])
    assert clip_integers(words, 25).tolist() == [3, -4, 0]
    assert clip_integers(words, 24).tolist() == [3, -3, 0]
    assert clip_integers(words, 13).tolist() == [2, -3, 0]
    assert clip_integers(np.array([-(2**55), 2**55, 1]), 2**111).tolist() == [-(2**55) + 1, 2**55, 1]


def test_what_rounding_adds_to_a_clipped_gradient_is_within_the_reach_that_noise_covers():
    gradient = np.full(SHAPE, 1e9) + np.arange(WORDS).reshape(SHAPE)
    encoded = ONE.encode(gradient)
    assert np.linalg.norm(encoded.astype(float)) <= sum_manifest().reach
