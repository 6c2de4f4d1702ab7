"""Levels that begin anew: whose, no server learns, and one that lies about a masked level ends the run alike."""

import numpy as np
import pytest

from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import LpmError, RoundAhead
from protocols.masking.messages import LevelShare, from_bytes
from protocols.masking.words import residue
from tests.masked_endings import endings
from tests.masked_lies import RESTART_LIES
from tests.masked_runs import Recorder, Secrets
from tests.repetitions import repetitions

ANEW = ((0, 0), (1, 0), (0, 1), (1, 1))
TAU = 4  # in the second step: two messages of 3 are above it, one is not


class Restarts:
    """Words of a run of two steps: agents 0 and 1 are told 3 in each, and some begin anew after the first."""

    def __init__(self, anew=(0, 0), tau=TAU, growth=(0, 0), before=(0, 0)):
        self.anew, self.tau, self.growth, self.before, self.secrets = anew, tau, growth, before, Secrets(tau=(9, 9))

    def words(self, run):
        plan, number = run.plan, run.aggregators[0].number
        if plan.phase(number).name != "DECIDE":
            return self.secrets.words(run)
        second = number > 2
        largest = min(plan.manifest.level_bounds) + 1
        silent = np.array([[0, largest, 0]] * 2)
        anew, growth = (self.anew, self.growth) if second else ((0, 0), self.before)
        spoken = np.array([[g, self.tau if second else 9, a] for g, a in zip(growth, anew, strict=True)])
        return {name: own.astype(np.uint64).reshape(-1) for name, own in (("client-0", spoken), ("client-1", silent))}


@pytest.fixture
def begin(small, seir):
    def start(**given):
        model = seir(beta=(1,), cell_beta=0, f=1, waning=(2**31, 2**31))
        return MaskedRun.draw(small(model=model, steps=2), **given).start()

    return start


def play(run, words, rounds=5):
    """Return the bits of client-0 in both decisions."""
    bits = []
    for _ in range(rounds):
        readings = run.play(words.words(run))
        if readings["client-0"].outcomes.size:
            bits.append(readings["client-0"].outcomes[:, 0].tolist())
    return bits


@pytest.mark.parametrize("anew", ANEW)
def test_a_level_begins_anew_for_whom_it_does_alone(anew, begin):
    bits = play(begin(), Restarts(anew))
    assert bits == [[0, 0], [int(not each) for each in anew]]


@pytest.mark.parametrize("anew", ANEW)
@pytest.mark.parametrize("growth", [(0, 1), (2, 2)])
def test_own_growth_and_the_steps_messages_count_after_a_restart(anew, growth, begin):
    """3 of this step and own growth, and 3 more of those that go on, against thresholds on both sides of the sum."""
    for tau in range(2, 9):
        bits = play(begin(), Restarts(anew, tau, growth))
        assert bits[1] == [int(3 * (2 - a) + g > tau) for a, g in zip(anew, growth, strict=True)]


@pytest.mark.parametrize("anew", ANEW)
def test_own_growth_of_before_counts_for_who_goes_on_alone(anew, begin):
    for tau in (3, 4, 6, 7, 8):
        bits = play(begin(), Restarts(anew, tau, (1, 0), before=(1, 2)))
        assert bits[1] == [int(own > tau) for own in (4 if anew[0] else 8, 3 if anew[1] else 8)]


@pytest.mark.parametrize("lie", RESTART_LIES)
def test_a_lie_about_a_masked_level_ends_the_run_alike_in_all_worlds(lie, begin):
    assert len(endings(RESTART_LIES[lie], begin, play, [Restarts(anew, tau) for anew in ANEW for tau in (0, 9)])) == 1


def test_masked_levels_are_opened_once_and_in_their_turn(begin):
    run = begin()
    with pytest.raises(RoundAhead):
        run.aggregators[0].share_levels()
    run, heard = begin(), Recorder("aggregator-0")
    run.between = heard
    play(run, Restarts(), rounds=3)
    share = next(each for each in heard.messages if b"LevelShare" in each.content)
    with pytest.raises(LpmError):
        run.aggregators[0].open_levels(share)
    assert run.aggregators[0].ending


def opened_levels(run, words):
    """Return the masked levels before the second decision, and those that both aggregators open in it."""
    sent, before = {}, []

    def keep(sender, receiver, message):
        if b"LevelShare" in message.content:
            content = run.dealer.read(message, LevelShare)
            before.append(run.aggregators[0]._sums.factors())
            sent[content.number, sender] = from_bytes(content.shares).reshape(-1, 2)[:, 0]
        return message

    run.between = keep
    play(run, words)
    return before[-2], residue(sent[4, "aggregator-0"] + sent[4, "aggregator-1"])


@pytest.mark.parametrize("anew", [(0, 0), (1, 1)])
def test_no_masked_level_stays_as_it_was(anew, begin):
    """One that did would tell whose did not begin anew."""
    before, after = opened_levels(begin(), Restarts(anew))
    assert (before != after).all()


@pytest.mark.parametrize("anew", [(0, 0), (1, 1)])
def test_what_is_opened_of_levels_is_uniform_whoever_begins_anew(anew, begin):
    tops = sum(
        np.bincount((opened_levels(begin(), Restarts(anew))[1] >> np.uint64(55)).astype(np.int64), minlength=8)
        for _ in range(repetitions(40))
    )
    expected = tops.sum() / 8
    assert ((tops - expected) ** 2 / expected).sum() < 40.5  # 7 degrees of freedom, a few alarms in a million
