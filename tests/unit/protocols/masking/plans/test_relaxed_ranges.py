"""The ranges of values and derivatives: as far as so many agents reach, and not twice as far."""

import msgspec
import numpy as np
import pytest

from protocols.errors import WouldWrap
from protocols.masking.plan import MaskingPlan
from protocols.masking.words import residue
from protocols.models.gradient import Gradient
from tests.epidemics import relaxed_parameters

SIZES = {"client-0": 2, "client-1": 1, "client-2": 2}
SCALE = {"value_bits": 20, "tangent_bits": 10, "clip": 24.0}


@pytest.fixture
def plan_of(manifest_of, seir):
    def make(way, **changes):
        model, scale = seir(beta=(2**20,), f=24), SCALE | changes
        named = tuple(relaxed_parameters(model))[:2]
        gradient = Gradient(way=way, parameters=named, stays="geometric", **scale)
        given = {"mode": "sum", "security": "active", "engine": True, "min_cohort": 2, "cells": (9,), "steps": 2}
        return MaskingPlan(manifest_of(model=model, max_message=5, gradient=gradient, **given))

    return make


def furthest(plan, name, number):
    """Return the largest word of each kind that an honest client sends in a round, and which are values."""
    people, value, derivative = SIZES[name], 2**20, 24 * 2**10
    if plan.manifest.gradient.way == "tangents":
        row, cell = [value, derivative, derivative], [value, derivative, derivative]
        tally = cell * 4
    else:
        forth = number <= 3
        row, cell = [value if forth else derivative], [value if forth else derivative]
        tally = [value] * 4 + [0] if forth else [derivative] * 5
    first, end = plan.layout.own[name]
    told = np.tile(5 * people * np.array(row), (5, 1))
    told[first:end] = 0
    words = np.concatenate([told.reshape(-1), people * np.array([*cell, *tally])])
    return words, words % value == 0


def passes(plan, name, number, words):
    """Return of each word whether it passes; what is released is held against both ends."""
    bits = plan.shape(name, number).bits.astype(np.uint64)
    within = plan.words_to_check(words.view(np.uint64), name, number) < (np.uint64(1) << bits)
    within[plan.layout.message_words : words.size] &= within[words.size :]
    return within[: words.size]


@pytest.mark.parametrize(("way", "number"), [("tangents", 1), ("adjoints", 2), ("adjoints", 5)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_furthest_numbers_of_honest_clients_pass_and_twice_as_far_ones_do_not(way, number, sign, plan_of):
    plan = plan_of(way)
    for name in plan.names:
        most, are_values = furthest(plan, name, number)
        words = sign * np.where(are_values & (sign < 0), 0, most)
        assert words.size == plan.count(name, number)
        assert passes(plan, name, number, words).all()
        far = np.where(words == 0, sign, 2 * words + sign)
        assert not passes(plan, name, number, far).any()
        further = words + sign * (1 + np.where(are_values, abs(words) >> 20, 0))
        assert not passes(plan, name, number, further)[plan.layout.message_words :].any()


@pytest.mark.parametrize("way", ["tangents", "adjoints"])
@pytest.mark.parametrize("value_bits", [20, 48])
def test_a_value_that_rounding_moves_beyond_its_agents_passes(way, value_bits, plan_of):
    plan = plan_of(way, value_bits=value_bits)
    words, are_values = furthest(plan, "client-0", 1)
    words = np.where(are_values, words << value_bits - 20, words)
    assert passes(plan, "client-0", 1, words + (are_values & (words > 0))).all()
    below = np.where(are_values & (words > 0), -1, 0)
    assert set(passes(plan, "client-0", 1, below)[below < 0].tolist()) == {value_bits > 40}


@pytest.mark.parametrize(("way", "silent"), [("tangents", {2}), ("adjoints", {0, 3, 4, 7})])
def test_no_messages_are_told_in_rounds_after_which_nobody_moves(way, silent, plan_of):
    plan = plan_of(way)
    told = [plan.shape("client-0", number).bits[: plan.layout.message_words] for number in range(8)]
    rounds = plan.manifest.schedule.rounds
    assert {number for number in range(rounds) if not told[number].any()} == silent


def test_what_is_checked_of_words_is_what_is_checked_of_masked_words_less_that_of_pads(plan_of):
    plan, rng = plan_of("tangents"), np.random.default_rng(1)
    for name in plan.names:
        x, pads = rng.integers(0, 2**58, (2, plan.count(name, 0)), dtype=np.uint64)
        checked = plan.words_to_check(residue(x + pads), name, 0)
        np.testing.assert_array_equal(
            residue(checked - plan.pads_to_check(pads, name, 0)), plan.words_to_check(x, name, 0)
        )


@pytest.mark.parametrize(("way", "scale"), [("tangents", "tangent_bits"), ("adjoints", "value_bits")])
def test_derivatives_that_could_wrap_together_are_refused_with_how_many_bits_less_would_fit(way, scale, plan_of):
    with pytest.raises(WouldWrap, match="a sum of values or derivatives could need") as error:
        plan_of(way, **{scale: 52})
    fewer = int(str(error.value).partition("use ")[2].partition(" ")[0])
    assert plan_of(way, **{scale: 52 - fewer})
    with pytest.raises(WouldWrap):
        plan_of(way, **{scale: 53 - fewer})


def test_a_run_of_derivatives_tells_exposures_of_values_and_derivatives_where_contacts_carry_any(plan_of):
    plan = plan_of("tangents")
    assert plan.reveals(0) == (False,) * 3
    assert plan.noises(0) == ()
    still = msgspec.structs.replace(plan.manifest, gradient=None)
    assert MaskingPlan(still).reveals(0) == (False,)
