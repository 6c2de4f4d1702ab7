"""The clip of derivatives, which noise is made for."""

import numpy as np

from protocols.models.gradient import Gradient

GRADIENT = Gradient(way="score", parameters=("a",), clip=2.0, tangent_bits=4)


def test_whatever_a_derivative_is_it_stays_within_the_clip_and_one_that_is_no_number_is_none():
    numbers = np.array([[np.nan, np.inf, -np.inf, 1.5, -3.0]])
    assert GRADIENT.clip_numbers(numbers).tolist() == [[0.0, 2.0, -2.0, 1.5, -2.0]]
    for place, word in enumerate([0, 32, -32, 24, -32]):
        assert GRADIENT.encode(numbers[:, place : place + 1]).tolist() == [word]
