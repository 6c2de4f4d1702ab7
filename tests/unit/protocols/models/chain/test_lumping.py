"""Merging states of a chain that behave alike."""

import numpy as np

from protocols.models.chain.lumping import lump


def weight(*numbers):
    return np.array(numbers, dtype=float)


def test_states_that_go_to_the_same_place_as_likely_are_one():
    moves = [
        {(0, 1): weight(0.5), (0, 2): weight(0.5)},
        {(0, 3): weight(1.0)},
        {(0, 3): weight(1.0)},
        {(0, 3): weight(1.0)},
    ]
    lumps = lump(moves, ["a", "b", "b", "c"])
    assert lumps.block == [0, 1, 1, 2]
    assert lumps.moves[0] == {(0, 1): weight(1.0)}


def test_states_whose_weights_or_derivatives_differ_stay_apart():
    for other in (weight(0.25, 0.0), weight(0.5, 1.0)):
        moves = [{(0, 2): weight(0.5, 0.0)}, {(0, 2): other}, {}]
        assert lump(moves, ["a", "a", "b"]).block == [0, 1, 2]


def test_states_that_ask_other_outcomes_stay_apart():
    moves = [{(0, 2): weight(1.0)}, {(1, 2): weight(1.0)}, {}]
    assert lump(moves, ["a", "a", "b"]).block == [0, 1, 2]
