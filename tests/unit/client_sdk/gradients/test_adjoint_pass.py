"""What an engine announces of parameters and derivatives: refused alike by all, or bounded whatever comes of it."""

import numpy as np
import pytest

from client_sdk.gradients.adjoint_pass import LARGEST, AdjointPass
from client_sdk.gradients.parameter_range import ParameterRange
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import OutOfRange
from protocols.models.agent_model import UNKNOWN
from protocols.models.chain.hazard_factor import REDUCTION
from protocols.models.gradient import Gradient, HazardReduction
from protocols.task.gradients.turn import Turn, turns
from protocols.task.layout import Layout
from tests.epidemics import relaxed_parameters

CLIP, BITS, STEPS, CELLS = 2.0, 16, 3, (9, 9)
N, SUSCEPTIBILITY = 3, {"susceptibility": np.array([UNKNOWN, 2**16, 2**17])}


@pytest.fixture
def manifest(manifest_of, seir):
    """Return the manifest of an adjoint run of three agents in two cells."""
    model = seir(beta=(2**36, 2**35), cell_beta=2**38, initial=2**31)
    gradient = Gradient(
        way="adjoints",
        parameters=(*relaxed_parameters(model), REDUCTION),
        value_bits=BITS,
        tangent_bits=BITS,
        clip=CLIP,
        reduction=HazardReduction(begin=0, end=9, share=0.25),
    )
    given = {"model": model, "steps": STEPS, "cells": CELLS, "engine": True, "gradient": gradient}
    return manifest_of([(0,), (1, 2)], min_cohort=2, **given)


def agents(manifest):
    return AdjointPass(manifest.relaxation, Layout.of(manifest), cell=np.array([0, 1, 1]), columns=SUSCEPTIBILITY, n=N)


def announced(manifest, theta):
    """Return an announcement of a step forth."""
    words = np.zeros(len(CELLS) + max(len(theta), len(manifest.model.agents.tally) + 1))
    words[len(CELLS) :][: len(theta)] = theta
    return words


def hear(held, turn, words):
    message = held.message(turn)
    held.take_in(turn, message.told, message.block, words)
    return message


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 2 * LARGEST])
@pytest.mark.parametrize("step", range(turns(STEPS) - 1))
def test_what_is_no_number_ends_the_run_in_whatever_place_and_round_it_is_announced(manifest, step, number):
    theta = np.zeros(manifest.gradient.p)
    for place in (0, len(CELLS), -1):
        held, words = agents(manifest), announced(manifest, theta)
        for before in range(step):
            hear(held, Turn.of(RoundNumber(before), STEPS), words)
        words = words.copy()
        words[place] = number
        with pytest.raises(OutOfRange, match="the engine announced"):
            hear(held, Turn.of(RoundNumber(step), STEPS), words)


def test_a_parameter_out_of_its_range_ends_the_run_before_an_agent_moves_by_it(manifest):
    known = ParameterRange.of(manifest.model, manifest.gradient)
    held, theta = agents(manifest), known.high * 1.5
    with pytest.raises(OutOfRange, match="so the run ends"):
        hear(held, Turn.of(RoundNumber(0), STEPS), announced(manifest, theta))
    assert held._states == []


@pytest.mark.parametrize("seed", range(6))
def test_no_agent_adds_more_than_its_bound_whatever_is_announced_within_the_ranges(manifest, seed):
    draws, held = np.random.default_rng(seed), agents(manifest)
    known, tally = ParameterRange.of(manifest.model, manifest.gradient), len(manifest.model.agents.tally)
    clip = round(CLIP * 2**BITS)
    for number in range(turns(STEPS)):
        turn = Turn.of(RoundNumber(number), STEPS)
        words = LARGEST * draws.choice([-1.0, 1.0, 0.0, 1e-6], len(announced(manifest, known.low)))
        if turn.forth:
            words[len(CELLS) :][: known.low.size] = draws.choice([known.low, known.high])
        message = hear(held, turn, words)
        most = np.full(message.block.size, N * clip)
        if turn.forth:
            most[: len(CELLS)] = N * max(manifest.model.agents.cell_most) << BITS
            most[len(CELLS) :][:tally] = N << BITS
        assert (np.abs(message.block) <= most).all(), (turn, message.block)


def test_a_derivative_that_is_no_number_counts_as_none_and_one_without_end_as_the_largest(manifest):
    clip = round(CLIP * 2**BITS)
    assert agents(manifest)._clip(np.array([np.nan, np.inf, -np.inf, 1.0])).tolist() == [0, clip, -clip, 2**BITS]
