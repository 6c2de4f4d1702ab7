"""Small counts in whole runs: nobody learns one, and an aggregator that lies about them ends the run alike."""

import numpy as np
import pytest

from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import RoundAhead
from protocols.masking.messages import CountShare, ReleaseAnswer
from protocols.releases.query import Release, Releases
from tests.masked_endings import endings
from tests.masked_lies import COUNT_LIES, few
from tests.masked_runs import Recorder, Secrets

WORLDS = ({"stage": 0}, {"stage": 2}, {"stage": 2, "tau": (0, 7), "said": 1})
LEAST = 2


@pytest.fixture
def begin(small):
    def start(changes=None, **given):
        return MaskedRun.draw(small(min_count=LEAST, **(changes or {})), **given).start()

    return start


def play(run, world, rounds=2):
    secrets = Secrets(**world)
    return [run.play(secrets.words(run)) for _ in range(rounds)][-1]


@pytest.mark.parametrize("world", WORLDS[:2])
def test_all_are_told_the_same_where_one_of_four_stands_elsewhere(world, begin):
    """The first stage is suppressed for the others' sake: 4, or 3 of 4, would tell whether there is one."""
    told = play(begin(), world)
    assert set(told) == {"client-0", "client-1", "engine"}
    assert {tuple(each.release) for each in told.values()} == {(0, 0, 0, 0)}


def test_a_run_goes_on_after_suppressed_counts(begin):
    run = begin({"steps": 2})
    assert play(run, WORLDS[2], rounds=3)["client-0"].outcomes.tolist() == [[1], [0]]
    assert play(run, WORLDS[2], rounds=3)["engine"].release.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("least", [0, 1])
def test_without_a_least_count_nothing_is_suppressed_or_told_beside(least, small):
    heard = Recorder("aggregator-0")
    run = MaskedRun.draw(small(min_count=least), between=heard).start()
    assert play(run, WORLDS[1])["engine"].release.tolist() == [3, 0, 1, 0]
    assert not any(b"CountShare" in message.content for message in heard.messages)


FEW = few(
    COUNT_LIES,
    "a word of a bit is turned in message 0",
    "a count is raised in message 1",
    "words of bits are random in message 2",
    "a tag is changed in message 3",
    "a message of counts is told out of its turn",
)


@pytest.mark.parametrize("lie", FEW)
def test_a_lie_about_counts_ends_the_run_alike_in_all_worlds(lie, begin):
    assert len(endings(COUNT_LIES[lie], begin, play, WORLDS[:2])) == 1


@pytest.mark.slow
@pytest.mark.parametrize("lie", COUNT_LIES)
def test_many_times_over_a_lie_about_counts_ends_the_run_alike(lie, begin):
    for _ in range(35):
        test_a_lie_about_counts_ends_the_run_alike_in_all_worlds(lie, begin)


def test_the_dealer_tells_no_pads_of_counts(begin):
    """With them each aggregator would open the exact count."""
    heard = Recorder("aggregator-0")
    run = begin(between=heard)
    play(run, WORLDS[1])
    dealt = [run.dealer.read(each, ReleaseAnswer) for each in heard.messages if b"ReleaseAnswer" in each.content]
    assert [answer.pads for answer in dealt] == [b""]
    parts = [run.dealer.read(each, CountShare).part for each in heard.messages if b"CountShare" in each.content]
    assert parts == [0, 1, 2, 3]


def test_counts_are_told_in_their_turn(begin):
    run = begin()
    with pytest.raises(RoundAhead):
        run.aggregators[0].share_counts()
    run, heard = begin(), Recorder("aggregator-0")
    run.between = heard
    play(run, WORLDS[1])
    share = next(each for each in heard.messages if b"CountShare" in each.content)
    with pytest.raises(RoundAhead):
        run.aggregators[0].open_counts(share)
    assert run.aggregators[0].ending


def test_noise_of_both_sides_stands_in_full_beside_suppressed_cells(begin):
    """Cells of nobody are suppressed to 0; what is released of them is noise of sigma times the root of two."""
    given = {"sigma": 40.0, "times": 2, "epsilon": 1.0, "delta": 0.1}
    noised = Release(name="cells", mechanism="discrete-gaussian", unit="contribution", **given)
    releases = Releases(each=(noised, Release(name="tally")), rho=1e6)
    release = np.concatenate(
        [play(begin({"cells": (5,) * 30, "releases": releases}), WORLDS[0])["client-0"].release[:30] for _ in range(2)]
    )
    assert 40 < release.std() < 75  # 56.6 is expected, of 60 draws; of one side alone 40
