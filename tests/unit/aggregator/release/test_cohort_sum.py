"""Aggregators of a calibration find out who sends garbage, over the in-process transport, and go on without it."""

import asyncio
import os

import numpy as np
import pytest

from client_sdk.simulation.exchange import Exchange
from lpm_secure.audit.views.in_process import operators
from lpm_secure.secure_sum.parties import build_noisy_releases
from protocols.errors import BudgetSpent, NotEnrolled, PartiesDisagree, RoundClosed, ShareRefused
from protocols.task.manifest import run_id
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.group_testing import Inquiry, coin, mark
from protocols.task.secure_sum.range import SumRule
from protocols.wire.messages import Share, TrialQuery
from tests.hospital_cohort import (
    GARBAGE,
    LIAR,
    WORDS,
    Watched,
    asked_of,
    lies,
    manifest_of,
    others,
    played,
    sum_of,
)


@pytest.mark.parametrize("k", [2, 3])
def test_who_sends_garbage_is_named_and_left_out_and_the_sums_are_those_of_the_others_to_the_last_bit(k):
    manifest = manifest_of(k=k)
    with operators(manifest) as running:
        told, parties = asyncio.run(played(running, manifest, cheats=lies))
        lasts = [run.last for run in running.runs]
    assert [told[step].members for step in (0, 2, 3, 4, 5)] == [8, 7, 7, 7, 7]
    assert 4 <= told[1].members < 7
    assert {*told[1].names} < {*others(manifest, LIAR)}
    for step in (1, 3, 5):
        assert np.array_equal(told[step].words, sum_of(manifest, step, told[step].names))
    assert [told[step].refused for step in sorted(told)] == [()] + [(LIAR,)] * 5
    assert {last.left_out for last in lasts} == {(LIAR,)}
    assert [step for step, _ in parties[LIAR].ended] == [1]
    assert "out of range" in parties[LIAR].ended[0][1]
    for name in others(manifest, LIAR):
        assert (parties[name].ended, parties[name].missed) == ([], [] if name in told[1].names else [1])


def test_who_was_left_out_may_neither_join_nor_share_again_and_no_round_waits_for_it():
    manifest = manifest_of(round_timeout_s=30.0)

    async def act(running):
        await played(running, manifest, cheats=lies, last=1)
        again = Exchange(manifest, LIAR, running.transports(LIAR))
        with pytest.raises(ShareRefused, match="left out of this run"):
            await again.join()
        for run in running.runs:
            with pytest.raises(ShareRefused, match="hospital-3 sent numbers out of range"):
                await run.exchange(LIAR, Share(run.id, 2, np.zeros(WORDS, dtype=np.uint64)))
            assert LIAR not in run.waited_for

    with operators(manifest) as running:
        asyncio.run(asyncio.wait_for(act(running), 10.0))


def test_an_honest_round_opens_one_sum_and_remembers_nobody():
    manifest = manifest_of()
    with operators(manifest) as running:
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: {}))
        lasts = [run.last for run in running.runs]
    for step in (1, 3, 5):
        assert np.array_equal(told[step].words, sum_of(manifest, step, others(manifest)))
    assert all((last.trials, last.tried, last.left_out, last.refused) == ((), (), (), ()) for last in lasts)


def test_words_in_a_round_that_asks_are_no_garbage_for_they_are_never_opened():
    manifest = manifest_of()
    with operators(manifest) as running:
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: {} if step % 2 else {LIAR: GARBAGE}))
    assert {told[step].refused for step in told} == {()}
    assert not told[0].words.any()


def test_one_that_lies_now_and_then_is_found_when_it_does():
    manifest = manifest_of()
    with operators(manifest) as running:
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: lies(step) if step == 3 else {}))
    assert [told[step].refused for step in (1, 3, 5)] == [(), (LIAR,), (LIAR,)]
    assert np.array_equal(told[1].words, sum_of(manifest, 1, others(manifest)))
    for step, members in ((3, told[3].names), (5, others(manifest, LIAR))):
        assert np.array_equal(told[step].words, sum_of(manifest, step, members))


def test_a_second_one_is_found_in_a_later_round():
    other = "hospital-8"
    drawn = (manifest_of(count=26, min_cohort=5, name=f"run-{number}") for number in range(99))
    manifest = next(
        each for each in drawn if traced(each, 3, {other}, without=(LIAR,)).culprits
    )  # some coins name none
    with operators(manifest) as running:
        cheats = {1: {LIAR: GARBAGE}, 3: {other: GARBAGE}}
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: cheats.get(step, {})))
    assert [told[step].refused for step in (1, 3, 5)] == [(LIAR,), (LIAR, other), (LIAR, other)]
    assert np.array_equal(told[5].words, sum_of(manifest, 5, others(manifest, LIAR, other)))


def nine(number):
    """Return a run of nine; its name decides which groups are drawn, and some coins draw none that is in range."""
    return manifest_of(count=9, rounds=4, name=f"run-{number}")


def traced(manifest, step, liars, without=()):
    """Return the inquiry of a step, in the clear; some may be out already."""
    inquiry = Inquiry(others(manifest, *without), manifest.min_cohort, coin(run_id(manifest), step))
    while (group := inquiry.next()) is not None:
        inquiry.tell(group, fits=liars.isdisjoint(group))
    return inquiry


def test_where_it_does_not_come_out_who_it_is_the_largest_sum_in_range_counts_and_nobody_is_left_out():
    second = "hospital-6"
    manifest = next(each for each in map(nine, range(99)) if traced(each, 1, {LIAR, second}).summands)
    cheats = {1: {LIAR: GARBAGE, second: GARBAGE}}
    with operators(manifest) as running:
        told, parties = asyncio.run(played(running, manifest, cheats=lambda step: cheats.get(step, {})))
    assert {told[step].refused for step in told} == {()}
    assert 4 <= told[1].members < 8
    assert not {LIAR, second} & {*told[1].names}
    assert told[1].names == traced(manifest, 1, {LIAR, second}).summands
    assert np.array_equal(told[1].words, sum_of(manifest, 1, told[1].names))
    assert [told[step].members for step in (2, 3, 4, 7)] == [9] * 4
    assert all(not party.ended for party in parties.values())


def test_among_too_few_nobody_is_named_and_the_sum_out_of_range_is_told_as_it_is():
    manifest = manifest_of(count=6, min_cohort=5)
    with operators(manifest) as running:
        told, parties = asyncio.run(played(running, manifest, cheats=lies))
    assert {told[step].refused for step in told} == {()}
    assert not SumRule.of(manifest).in_range(told[5].words, told[5].members)
    assert not parties[LIAR].ended


def test_each_sum_has_noise_of_its_own_and_is_paid_for_until_the_budget_is_spent():
    given = {"sigma": 0.5, "epsilon": 1e6, "delta": 1e-6}
    manifest = manifest_of(rounds=12, releases=build_noisy_releases(rounds=12, **given))
    told = {}

    def around(caller, callee, transport):
        return Watched(transport, callee, told, set()) if caller.startswith("aggregator") else transport

    async def act(running):
        with pytest.raises(BudgetSpent, match="12 sums"):
            await played(running, manifest, cheats=lies)

    with operators(manifest, around=around) as running:
        asyncio.run(asyncio.wait_for(act(running), 20.0))
        lasts = [run.last for run in running.runs]
    opened = {(step, trial) for _, step, trial in told}
    assert len(opened) == 12
    shares = [next(iter(each)) for each in told.values()]
    assert len(set(shares)) == len(shares)
    assert {last.number for last in lasts} == {max(step for step, _ in opened) + 1}


def test_nobody_gets_a_group_that_it_asks_for():
    """The engine has no message for it; an aggregator is told sums over the groups that the rule draws alone."""
    manifest = manifest_of()
    members = others(manifest)

    async def act(running):
        await played(running, manifest, cheats=lies, last=1)
        run, answer = running.runs[1], running.answers[1]
        inquiry = Inquiry(members, manifest.min_cohort, coin(run.id, 1))
        group = inquiry.next()
        assert (await asked_of(run, over=mark(members))).share.size == WORDS
        assert (await asked_of(run, trial=1, over=mark(group))).share.size == WORDS
        for trial, over in [(0, members[:5]), (1, members[:5]), (1, members), (50, members[:5]), (0, ())]:
            with pytest.raises(PartiesDisagree, match="over others here"):
                await asked_of(run, trial=trial, over=mark(over))
        with pytest.raises(RoundClosed, match="no sum that could be out of range"):
            await asked_of(run, step=2, over=mark(members))
        query = TrialQuery(run.id, 1, 0, mark(members))
        for caller in (ENGINE, "hospital-0", LIAR):
            with pytest.raises(NotEnrolled, match="is not an aggregator"):
                await answer(caller, query)
        assert (await answer("aggregator-0", query)).trial == 0

    with operators(manifest) as running:
        asyncio.run(act(running))


def test_aggregators_that_have_come_to_other_groups_stop_the_run(monkeypatch):
    manifest = manifest_of()

    async def act(running):
        with pytest.raises(PartiesDisagree):
            await played(running, manifest, cheats=lies)

    monkeypatch.setattr("aggregator.release.group_testing.coin", lambda run, number: os.urandom(32))
    with operators(manifest) as running:
        asyncio.run(asyncio.wait_for(act(running), 20.0))


def test_the_inquiry_after_an_announcement_of_other_draws_has_the_same_groups():
    """What the engine announces does not enter the coin."""
    manifest, groups = manifest_of(), []
    for _ in range(2):
        with operators(manifest) as running:
            asyncio.run(played(running, manifest, cheats=lies, last=1, word=len(groups)))
            groups.append(running.runs[0].last.trials)
    assert groups[0] == groups[1] != ()


def test_a_budget_that_is_spent_amid_an_inquiry_ends_the_run_after_that_round_has_told_what_was_opened():
    manifest = manifest_of(rounds=5, releases=build_noisy_releases(rounds=5, sigma=0.5, epsilon=1e6, delta=1e-6))

    async def act(running):
        with pytest.raises(BudgetSpent, match="5 sums"):
            await played(running, manifest, cheats=lies)
        return [run.last for run in running.runs], running.runs[0]._store.group_tests(running.runs[0].id)

    with operators(manifest) as running:
        lasts, begun = asyncio.run(asyncio.wait_for(act(running), 20.0))
    assert {(last.number, last.left_out) for last in lasts} == {(2, ())}
    assert all(len(last.seen) == 5 for last in lasts)
    assert begun.number in (1, 3)
