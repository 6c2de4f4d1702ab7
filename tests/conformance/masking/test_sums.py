"""Outcomes that reveal the exact sum: what a client is told, and that a lie about it ends the run alike."""

import numpy as np
import pytest

import lpm_secure as lpm
from protocols.masking.messages import ClientReply, ReleaseAnswer, from_bytes
from protocols.masking.words import residue
from tests.masked_endings import endings
from tests.masked_lies import SUM_LIES, few
from tests.masked_runs import Recorder

WORLDS = ((0, 0), (1, 0), (3, 3))  # what client-1 tells agents 0 and 1


class Heard(lpm.Model):
    """A sum stands before and behind a bit; the first adds up over the steps, the last is of one step."""

    mood = lpm.stage("LOW", "HIGH")
    limit = lpm.field(0, 9)
    talk = lpm.message(most=1)
    ever = lpm.outcome(talk, reveals="sum")
    much = lpm.outcome(talk, above=limit, keep=False)
    now = lpm.outcome({talk: 2}, reveals="sum", keep=False)

    def begin(self, me, draw):
        return me.set(mood="LOW", limit=draw.uniform(0, 9, "limit"))

    def says(self, me):
        return {self.talk: me.mood == "HIGH"}

    def update(self, me, heard, draw):
        return me.set(mood=lpm.where(heard[self.ever] + heard[self.now] > 3, "HIGH", "LOW"))


@pytest.fixture
def begin(start_model):
    return lambda **given: start_model(Heard, {"max_message": 4}, **given)


def words(run, told, own=(0, 0)):
    """Return both clients' words: client-1 tells agents 0 and 1, whose levels grow by `own` in the first step."""
    plan, number = run.plan, run.aggregators[0].number
    phase = plan.phase(number).name
    if phase == "THRESHOLDS":
        return {name: np.full(2, 2, np.uint64) for name in plan.names}
    if phase == "DECIDE":
        grown = np.array([[each, each, 2 * each] for each in own], np.uint64).reshape(-1)
        return {"client-0": grown, "client-1": np.zeros(6, np.uint64)}
    spoken = {name: np.zeros((4, 1), np.int64) for name in plan.names}
    if plan.manifest.schedule.step(number) < plan.manifest.steps:
        spoken["client-1"][:2, 0] = told
    return {name: plan.layout.pack(each, np.zeros(0, np.int64), np.array([2, 0])) for name, each in spoken.items()}


def play(run, told, own=(0, 0), rounds=5):
    """Return what client-0 is told in each decision."""
    readings = [run.play(words(run, told, own))["client-0"].outcomes for _ in range(rounds)]
    return [each.tolist() for each in readings if each.size]


@pytest.mark.parametrize("told", WORLDS)
@pytest.mark.parametrize("own", [(0, 0), (1, 4)])
def test_a_sum_is_told_as_it_is_beside_a_bit(told, own, begin):
    first, second = play(begin(), told, own)
    assert first == [[t + o, int(t + o > 2), 2 * (t + o)] for t, o in zip(told, own, strict=True)]
    assert second == [[2 * (t + o), int(t + o > 2), 2 * (t + o)] for t, o in zip(told, own, strict=True)]


FEW = few(SUM_LIES, "a sum is raised by 1", f"a sum is raised by {2**58}", "a sum is of another masked number")


@pytest.mark.parametrize("lie", FEW)
def test_a_lie_about_a_sum_ends_the_run_alike_in_all_worlds(lie, begin):
    assert len(endings(SUM_LIES[lie], begin, play, WORLDS[::2])) == 1


def tops(run, told):
    """Return the top bits of what an aggregator tells client-0 of sums, and of its offsets."""
    to_client, to_server = Recorder("client-0"), Recorder("aggregator-0")
    run.between = lambda *passed: to_server(*passed[:2], to_client(*passed))
    play(run, told, rounds=3)
    reply = run.dealer.read(to_client.messages[-1], ClientReply)
    dealt = run.dealer.read(
        next(each for each in to_server.messages if b"ReleaseAnswer" in each.content), ReleaseAnswer
    )
    sums = from_bytes(reply.answers).reshape(3, 2)[[0, 2]], from_bytes(dealt.offsets).reshape(-1, 4)[[0, -1]]
    return np.concatenate([each.reshape(-1) for each in sums]) >> np.uint64(55)


@pytest.mark.parametrize("told", [(0, 0), pytest.param((3, 3), marks=pytest.mark.slow)])
def test_what_an_aggregator_holds_of_sums_is_uniform_whatever_they_are(told, begin):
    counts = sum(np.bincount(tops(begin(), told).astype(np.int64), minlength=8) for _ in range(10))
    expected = counts.sum() / 8
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # 7 degrees of freedom, one alarm in 1,000


def test_each_sum_and_step_has_a_mask_of_its_own(begin):
    """Two under one mask would tell both aggregators by how much they differ."""
    source = begin().clients["client-0"].seed.source
    masks = [source.sums(number, 2, outcome=row) for number in (2, 4) for row in (0, 2)]
    others = [residue(source.labels(2, 2, outcome=0)), source.pads(2, 2)]
    assert np.unique(np.concatenate([*masks, *others]) >> np.uint64(1)).size == 12  # of labels the lowest bit is 1
