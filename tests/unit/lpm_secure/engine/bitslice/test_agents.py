"""Runs that are computed at once do not depend on threads, hold all agents, and keep what single runs keep."""

import numpy as np
import pytest

from lpm_secure.engine.bitslice.agents import LaneAgents
from lpm_secure.models.library.seir import SeirModel
from protocols.errors import ParameterError
from tests.lane_worlds import lane_model, world

N, STEPS = 9_000, 6  # three blocks of agents


@pytest.fixture(scope="module")
def model():
    return lane_model(world(SeirModel, n=N, contacts=True), STEPS)


def totals(model, *, lanes=100, key=b"key", threads=1, **given):
    agents = LaneAgents(model, lanes=lanes, key=key, threads=threads, **given)
    found = [(agents.totals, agents.arrivals)]
    for _ in range(STEPS):
        agents.update()
        found.append((agents.totals, agents.arrivals))
    return tuple(np.array(each) for each in zip(*found, strict=True))


def test_the_bits_depend_on_the_key_and_not_on_the_number_of_threads(model):
    one, _ = totals(model)
    assert (totals(model, threads=3)[0] == one).all()
    assert (totals(model, key=b"another")[0] != one).any()


def test_every_agent_is_in_one_stage_and_arrivals_are_changes(model):
    place = (np.arange(N) % 3).astype(np.uint8)
    counts, arrivals = totals(model, lanes=70, places=place, arrivals=(1, 3))
    assert counts.shape == (STEPS + 1, 70, 4)
    assert arrivals.shape == (STEPS + 1, 70, 3, 2)
    assert (counts.sum(axis=2) == N).all()
    assert (np.diff(-counts[:, :, 0], axis=0) == arrivals[1:].sum(axis=2)[:, :, 0]).all()
    assert (np.diff(counts[:, :, 3], axis=0) == arrivals[1:].sum(axis=2)[:, :, 1]).all()


def test_lanes_are_runs_of_their_own(model):
    counts, _ = totals(model, lanes=512)
    assert len(np.unique(counts[-1, :, 0])) > 100
    assert np.abs(np.corrcoef(counts[-1, :256, 0], counts[-1, 256:, 0])[0, 1]) < 0.3


def test_more_lanes_than_bits_of_a_word_are_refused(model):
    with pytest.raises(ParameterError, match="1 to 512"):
        LaneAgents(model, lanes=513, key=b"")
