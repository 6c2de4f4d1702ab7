"""Active runs in sum mode: clients are told exact exposures, and a lie about them ends the run alike in all worlds."""

import dataclasses

import numpy as np
import pytest

from aggregator.masking.dealer import MaskingDealer
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import WireError
from protocols.masking.messages import ClientReply, RangeVerdict, ReleaseAnswer, from_bytes
from protocols.masking.words import residue
from protocols.task.rounds import Phase
from tests.masked_endings import endings
from tests.masked_lies import CHANGES_OF_SUMS, LIES, SPEAK, answers, few, replace, when
from tests.masked_runs import Recorder

WORLDS = ((0, 0), (1, 4), (4, 4))  # what client-1 tells agents 0 and 1 in each step
STEPS = 2
OTHERS = ("bit", "answer", "decides", "comparison")  # of rounds that decide, which there are none of


def take_another_message(liar, receiver, message):
    """Count another word of client-0 to agent 2 than it sent, and ask what the honest one asks."""
    if isinstance(message, RangeVerdict) and message.number == SPEAK:
        examined = liar.run.aggregators[1]._round.examined
        words = examined["client-0"].words.copy()
        words[2] = residue(words[2] + np.uint64(1))
        examined["client-0"] = dataclasses.replace(examined["client-0"], words=words)
        liar.lies += 1


EXPOSURE_LIES = {name: when(ClientReply, SPEAK, answers(change)) for name, change in CHANGES_OF_SUMS.items()}
EXPOSURE_LIES["an exposure is of another masked number"] = take_another_message
EXPOSURE_LIES |= {name: lie for name, lie in LIES.items() if not any(each in name for each in OTHERS)}
FEW = few(EXPOSURE_LIES, f"a sum is raised by {2**58}", "an exposure is of another masked number")


@pytest.fixture
def begin(manifest_of, seir):
    def start(**given):
        model = seir(beta=(1,), cell_beta=0, f=1)
        fixed = {"mode": "sum", "security": "active", "steps": STEPS, "max_message": 4, "model": model}
        return MaskedRun.draw(manifest_of(((1, 2), (3, 4)), **fixed), **given).start()

    return start


def words(run, told, by_first=3):
    """Return both clients' words: client-1 tells agents 0 and 1 what is given, client-0 agent 2."""
    layout, last = run.plan.layout, run.aggregators[0].number == STEPS
    spoken = {name: np.zeros((4, 1), np.int64) for name in run.plan.names}
    if not last:
        spoken["client-1"][:2, 0], spoken["client-0"][2, 0] = told, by_first
    return {name: layout.pack(each, np.zeros(0, np.int64), np.array([2, 0, 0, 0])) for name, each in spoken.items()}


def play(run, told, rounds=STEPS + 1):
    return [run.play(words(run, told)) for _ in range(rounds)]


@pytest.mark.parametrize("told", WORLDS)
def test_each_client_is_told_what_reaches_its_agents_in_every_round_and_nobody_decides(told, begin):
    run = begin()
    assert [run.plan.phase(number) for number in range(STEPS + 1)] == [Phase.SPEAK] * (STEPS + 1)
    *steps, closing = play(run, told)
    for readings in steps:
        assert readings["client-0"].outcomes.tolist() == [[each] for each in told]
        assert readings["client-1"].outcomes.tolist() == [[3], [0]]
        assert readings["engine"].outcomes.size == 0
        assert readings["engine"].release.tolist() == [4, 0, 0, 0]
    assert not closing["client-0"].outcomes.any()


def test_who_leaves_its_ranges_is_named_and_the_others_hear_nothing_of_it(begin):
    run = begin()
    told = run.play(words(run, (1, 2), by_first=16))  # two agents tell at most 8, in 4 bits
    assert set(told) == {"client-1", "engine"}
    assert told["client-1"].refused == ("client-0",)
    assert told["client-1"].outcomes.tolist() == [[0], [0]]
    assert run.play(words(run, (1, 2)))["client-1"].outcomes.tolist() == [[0], [0]]


@pytest.mark.parametrize("lie", FEW)
def test_a_lie_about_exposures_ends_the_run_alike_in_all_worlds(lie, begin):
    assert len(endings(EXPOSURE_LIES[lie], begin, play, WORLDS)) == 1


def heard(run, told):
    """Return what one aggregator is dealt, and tells client-0, of exposures, uint64[words]."""
    to_client, to_server = Recorder("client-0"), Recorder("aggregator-0")
    run.between = lambda *passed: to_server(*passed[:2], to_client(*passed))
    play(run, told)
    replies = [run.dealer.read(each, ClientReply).answers for each in to_client.messages[::2]]  # both tell the same
    dealt = [each for each in to_server.messages if b"ReleaseAnswer" in each.content]
    offsets = [run.dealer.read(each, ReleaseAnswer).offsets for each in dealt]
    return np.concatenate([from_bytes(each) for each in (*replies, *offsets)])


@pytest.mark.parametrize("told", [(0, 0), pytest.param((4, 4), marks=pytest.mark.slow)])
def test_what_an_aggregator_holds_of_exposures_is_uniform_whatever_they_are(told, begin):
    words = np.concatenate([heard(begin(), told) for _ in range(12)])
    counts = np.bincount((words >> np.uint64(55)).astype(np.int64), minlength=8)
    expected = counts.sum() / 8
    assert np.unique(words).size == words.size  # no mask serves twice
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # 7 degrees of freedom, one alarm in 1,000


def test_a_dealer_that_lies_moves_an_exposure_unseen(begin, monkeypatch):
    """As docs/security/active.md says of every sum that a client is told."""
    honest = MaskingDealer._hide_exposures
    monkeypatch.setattr(
        MaskingDealer,
        "_hide_exposures",
        lambda self, *given: residue(honest(self, *given) + np.array([1, 0, 0, 0], np.uint64)),
    )
    run = begin()
    assert run.play(words(run, (1, 4)))["client-0"].outcomes.tolist() == [[2], [4]]
    assert not any(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


@pytest.mark.parametrize("change", [lambda offsets: offsets[:-8], lambda offsets: bytes(7) + b"\xff" + offsets[8:]])
def test_offsets_of_another_size_or_beyond_the_ring_end_the_run(change, begin):
    def between(sender, receiver, message):
        if sender != "dealer" or b"ReleaseAnswer" not in message.content:
            return message
        answer = run.dealer.read(message, ReleaseAnswer)
        return run.signers["dealer"].send(replace(answer, offsets=change(answer.offsets)))

    run = begin()
    run.between = between
    with pytest.raises(WireError, match="offsets of exposures"):
        run.play(words(run, (1, 4)))
