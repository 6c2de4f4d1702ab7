"""Runs that are computed at once do not depend on threads, hold all agents, and keep what single runs keep."""

import numpy as np
import pytest

import lpm_secure.models as lpm
from lpm_secure.engine.bitslice import agents
from lpm_secure.engine.bitslice.agents import LaneAgents, generators
from lpm_secure.engine.bitslice.code.scope import BLOCK
from lpm_secure.engine.bitslice.lane_model import LaneModel
from lpm_secure.engine.venues.channels import VenueChannels, Venues
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from protocols.errors import ParameterError
from tests.lane_worlds import lane_model, world

N, STEPS = 9_000, 6  # three blocks of agents


@pytest.fixture(scope="module")
def model():
    return lane_model(world(SeirModel, n=N, contacts=True), STEPS)


def totals(model, *, lanes=100, key=b"key", threads=1, **given):
    runs = LaneAgents(model, lanes=lanes, key=key, threads=threads, **given)
    found = [(runs.totals, runs.arrivals)]
    for _ in range(STEPS):
        runs.update()
        found.append((runs.totals, runs.arrivals))
    return tuple(np.array(each) for each in zip(*found, strict=True))


def test_the_bits_depend_on_the_key_and_not_on_the_number_of_threads(model):
    one, _ = totals(model)
    assert (totals(model, threads=3)[0] == one).all()
    assert (totals(model, key=b"another")[0] != one).any()


def test_no_two_keys_steps_blocks_or_elements_draw_the_same_words():
    each = [
        generators(key, step=step, blocks=5, elements=8).transpose(0, 2, 1).reshape(-1, 4)
        for key in (b"one", b"other")
        for step in range(6)
    ]
    states = np.concatenate(each)
    assert states.shape == (2 * 6 * 5 * 8, 4)
    assert (states[:, 3] == 1).all()  # the counter
    assert all(len(np.unique(states[:, word])) == len(states) for word in range(3))


def test_steps_and_blocks_of_a_run_take_generators_of_their_own(model, monkeypatch):
    taken = []

    def noted(key, *, step, blocks, elements):
        taken.append((key, step, blocks, elements))
        return generators(key, step=step, blocks=blocks, elements=elements)

    monkeypatch.setattr(agents, "generators", noted)
    totals(model)
    assert taken == [(b"key", step, 3, 2) for step in range(STEPS + 1)]


def test_blocks_of_agents_draw_by_themselves(model):
    _, arrivals = totals(model, lanes=512, places=np.arange(N) // BLOCK, arrivals=(1, 2))
    first, second = arrivals[0, :, :2].sum(axis=2).T  # who is ill from the beginning, in blocks of as many agents
    assert first.std() > 0
    assert np.abs(np.corrcoef(first, second)[0, 1]) < 0.2  # five standard errors are 0.22, and the seed is fixed


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


class Banded(lpm.Model):
    """Leaves after as many days as its own row of a law says."""

    work = lpm.stage("ON", "OFF")
    band = lpm.private(0, 2)
    left = lpm.field(0, 3)
    stay = lpm.parameter((2**32, 0, 0), unit=lpm.LAW, days=3, by="band")

    def begin(self, me, draw):
        return me.set(work="ON", left=draw.days(self.stay, "stay"))

    def says(self, me):
        return {}

    def update(self, me, heard, draw):
        left = lpm.maximum(me.left - 1, 0)
        return me.set(left=left, work=lpm.where(left == 0, "OFF", me.work))


def test_a_law_by_a_private_column_is_each_agents_own():
    rows = tuple((2**32 * np.eye(3, dtype=np.int64)).reshape(-1).tolist())
    given = VenueChannels(Venues.nowhere(30), {})
    model = LaneModel.of(trace(Banded).graph, {"stay": rows}, given, columns={"band": np.arange(30) % 3}, steps=4)
    runs = LaneAgents(model, lanes=70, key=b"key")
    for left in (30, 20, 10, 0):
        assert (runs.totals == [left, 30 - left]).all()
        runs.update()


class Saver(lpm.Model):
    """Has a unit more in each step."""

    work = lpm.stage("ON", "OFF")
    wealth = lpm.field(0, 10**9)
    owned = lpm.observable(0, 10**9)

    def begin(self, me, draw):
        return me.set(work="ON", wealth=0)

    def says(self, me):
        return {}

    def totals(self, me):
        return {self.owned: me.wealth}

    def update(self, me, heard, draw):
        return me.set(wealth=lpm.minimum(me.wealth + 1, 10**9))


def test_what_grows_with_each_step_has_room_for_a_runs_steps_and_for_no_more():
    model = LaneModel.of(trace(Saver).graph, {}, VenueChannels(Venues.nowhere(5), {}), steps=3)
    assert model.bound.fields["wealth"] == (0, 3)
    runs = LaneAgents(model, lanes=2, key=b"key")
    for _ in range(3):
        runs.update()
    assert runs.totals[:, -1].tolist() == [15, 15]
    with pytest.raises(ParameterError, match="step 4 of runs that were bound for 3"):
        runs.update()


def test_more_lanes_than_bits_of_a_word_are_refused(model):
    with pytest.raises(ParameterError, match="1 to 512"):
        LaneAgents(model, lanes=513, key=b"")
