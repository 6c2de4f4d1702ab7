"""The secret permutation over three servers in one process, against the map that it should compose to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.permutation.roles import Role
from aggregator.permutation.stages import Shape, gather, move, permutation
from protocols.errors import ParameterError, PartiesDisagree, Unavailable
from tests.permutation_trio import Trio, shared, tokens_of
from tests.repetitions import repetitions

SHAPES = st.builds(Shape, st.integers(1, 12), st.integers(1, 5), st.integers(1, 3))


def expected(shape, x, target):
    """Send each out-slot to its in-slot, in the clear; a target of `slots` goes nowhere."""
    total = np.zeros((shape.n, shape.width), dtype=np.uint64)
    for slot, to in enumerate(target):
        if to < shape.slots:
            total[to // shape.degree] += x.reshape(-1, shape.width)[slot]
    return total.reshape(-1)


@settings(max_examples=repetitions(60))
@given(shape=SHAPES, seed=st.integers(0, 2**32), steps=st.integers(1, 3))
def test_three_servers_deliver_every_slot_and_no_other(shape, seed, steps):
    draw = np.random.default_rng(seed)
    period = 2
    targets = [draw.permutation(shape.slots) for _ in range(period)]
    for target in targets:
        target[draw.random(shape.slots) < 0.2] = shape.slots
    with Trio(shape, [tokens_of(target, draw) for target in targets], steps=steps + period) as trio:
        for step in range(steps + period):
            x = draw.integers(0, 2**64, shape.slots * shape.width, dtype=np.uint64)
            (name, a), (other, b) = trio.step(*shared(x, draw), step)
            np.testing.assert_array_equal(a + b, expected(shape, x, targets[step % period]))
            assert name == other


def test_a_step_that_is_done_again_has_another_name_and_other_shares_of_the_same_sums():
    draw, shape = np.random.default_rng(1), Shape(7, 3, 1)
    x = shared(draw.integers(0, 9, shape.slots, dtype=np.uint64), draw)
    with Trio(shape, [tokens_of(draw.permutation(shape.slots), draw)], steps=2) as trio:
        first, again = trio.step(*x, 1), trio.step(*x, 1)
    assert first[0][0] != again[0][0]
    assert (first[0][1] != again[0][1]).all()
    np.testing.assert_array_equal(first[0][1] + first[1][1], again[0][1] + again[1][1])


def test_servers_at_different_steps_find_out_before_anything_is_used():
    draw, shape = np.random.default_rng(1), Shape(7, 3, 1)
    x = shared(draw.integers(0, 9, shape.slots, dtype=np.uint64), draw)
    trio = Trio(shape, [tokens_of(draw.permutation(shape.slots), draw)], steps=4)
    with trio, pytest.raises((PartiesDisagree, Unavailable)):
        trio.step(*x, 1, step_of_b=2)


@pytest.mark.parametrize("gone", list(Role))
def test_a_server_that_is_gone_is_noticed_by_the_others(gone):
    draw, shape = np.random.default_rng(1), Shape(7, 3, 1)
    x = shared(draw.integers(0, 9, shape.slots, dtype=np.uint64), draw)
    with Trio(shape, [tokens_of(draw.permutation(shape.slots), draw)], steps=2) as trio:
        trio.step(*x, 0)
        trio.kill(gone)
        with pytest.raises(Unavailable):
            trio.step(*x, 1)


def test_stage_permutations_are_permutations_and_differ_by_key_and_purpose():
    drawn = [permutation(bytes([key]) * 32, bytes([purpose]), 1000) for key in (0, 1) for purpose in (0, 1)]
    for each in drawn:
        np.testing.assert_array_equal(np.sort(each), np.arange(1000))
    assert all((drawn[0] != other).mean() > 0.9 for other in drawn[1:])


def test_every_order_of_three_slots_is_drawn_equally_often():
    counts = {}
    for key in range(6000):
        order = tuple(permutation(key.to_bytes(32, "big"), b"", 3).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert max(abs(count - 1000) for count in counts.values()) < 160  # 5.5 sigma of a binomial


def test_gathering_adds_up_what_moves_bring():
    shape = Shape(2, 2, 2)
    values = np.arange(8, dtype=np.uint64)
    np.testing.assert_array_equal(move(values, np.array([3, 0, 2, 1], dtype=np.uint32), 2), [6, 7, 0, 1, 4, 5, 2, 3])
    np.testing.assert_array_equal(gather(values, np.array([3, 4, 0, 1], dtype=np.uint32), shape), [6, 7, 2, 4])


@pytest.mark.parametrize("wrong", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (2**20, 2**12, 1)])
def test_a_shape_that_cannot_be_numbered_is_refused(wrong):
    with pytest.raises(ParameterError, match="slots"):
        Shape(*wrong)
