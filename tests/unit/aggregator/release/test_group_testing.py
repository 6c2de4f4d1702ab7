"""Aggregators of a calibration find out who sends garbage, over the in-process transport, and go on without it."""

import asyncio
import contextlib
import dataclasses
import os

import numpy as np
import pytest

from client_sdk.simulation.exchange import Exchange
from lpm_secure.audit.views.in_process import operators
from lpm_secure.calibration.parties import manifest_for, noised
from lpm_secure.engine.loop import RemotePart
from protocols.errors import BudgetSpent, NotEnrolled, PartiesDisagree, RoundClosed, ShareRefused, Unavailable
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.group_testing import Inquiry, coin, mark
from protocols.task.secure_sum.range import in_range
from protocols.task.secure_sum.spec import Calibration
from protocols.wire.messages import MembersQuery, Share, TrialQuery, TrialShare

SIZE = Calibration(draws=2, places=1, weeks=3, clip=50.0, bits=24)
LIAR = "hospital-3"
GARBAGE = np.full(SIZE.words, 2**55, dtype=np.uint64)


def manifest_of(*, count=8, min_cohort=4, rounds=3, k=2, **changes):
    names = tuple(f"hospital-{index}" for index in range(count))
    addresses = [f"127.0.0.1:{port}" for port in range(1001, 1001 + k)]
    return manifest_for(names, SIZE, addresses, rounds=rounds, min_cohort=min_cohort, **changes)


def gradients_of(manifest, step):
    """Return uint64[words] of each hospital, within what it may add."""
    rng = np.random.default_rng(step)
    top = int(50 * 2**24 / SIZE.words)
    return {each.name: rng.integers(-top, top, SIZE.words).view(np.uint64) for each in manifest.clients}


@dataclasses.dataclass
class Party:
    """A hospital that shares what it is told to."""

    exchange: Exchange
    ended: list = dataclasses.field(default_factory=list)
    missed: list = dataclasses.field(default_factory=list)

    async def take(self, vector, step):
        while True:
            try:
                return await self.exchange.round(vector, step=step)
            except Unavailable:
                await asyncio.sleep(0.01)
            except ShareRefused as error:
                self.ended.append((step, str(error)))
                return None
            except RoundClosed:
                self.missed.append(step)
                return None


async def played(running, manifest, *, cheats, first=0, keys=None, last=None, word=0):
    """Play all rounds; `cheats` maps a step to what hospitals send in place of their gradients."""
    parties = {}
    for each in manifest.clients:
        own = Exchange(manifest, each.name, running.transports(each.name), keys=(keys or {}).get(each.name))
        parties[each.name] = Party(own)
        try:
            await own.join()
        except ShareRefused as error:
            parties[each.name].ended.append((first, str(error)))
    engine, told = RemotePart(manifest, running.transports(ENGINE)), {}
    for step in range(first, (manifest.steps if last is None else last) + 1):
        vectors = gradients_of(manifest, step) | cheats(step)
        if step % 2 == 0:
            vectors = dict.fromkeys(vectors, np.zeros(SIZE.words, dtype=np.uint64)) | cheats(step)
        calls = [each.take(vectors[name], step) for name, each in parties.items() if not each.ended]
        told[step], *_ = await asyncio.gather(announced(engine, step, word), *calls)
    return told, parties


async def announced(engine, step, word):
    while True:
        try:
            return await engine.advance(step, np.full(SIZE.words, word, dtype=np.int64))
        except Unavailable:
            await asyncio.sleep(0.01)


def sum_of(manifest, step, members):
    vectors = gradients_of(manifest, step)
    return np.add.reduce([vectors[name] for name in members], axis=0).view(np.int64)


def lies(step):
    return {LIAR: GARBAGE} if step % 2 else {}


def others(manifest, *names):
    return tuple(each.name for each in manifest.clients if each.name not in names)


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
        assert np.array_equal(told[step].cells, sum_of(manifest, step, told[step].names))
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
                await run.exchange(LIAR, Share(run.id, 2, np.zeros(SIZE.words, dtype=np.uint64)))
            assert LIAR not in run.waited_for

    with operators(manifest) as running:
        asyncio.run(asyncio.wait_for(act(running), 10.0))


def test_an_honest_round_opens_one_sum_and_remembers_nobody():
    manifest = manifest_of()
    with operators(manifest) as running:
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: {}))
        lasts = [run.last for run in running.runs]
    for step in (1, 3, 5):
        assert np.array_equal(told[step].cells, sum_of(manifest, step, others(manifest)))
    assert all((last.trials, last.tried, last.left_out, last.refused) == ((), (), (), ()) for last in lasts)


def test_words_in_a_round_that_asks_are_no_garbage_for_they_are_never_opened():
    manifest = manifest_of()
    with operators(manifest) as running:
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: {} if step % 2 else {LIAR: GARBAGE}))
    assert {told[step].refused for step in told} == {()}
    assert not told[0].cells.any()


def test_one_that_lies_now_and_then_is_found_when_it_does():
    manifest = manifest_of()
    with operators(manifest) as running:
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: lies(step) if step == 3 else {}))
    assert [told[step].refused for step in (1, 3, 5)] == [(), (LIAR,), (LIAR,)]
    assert np.array_equal(told[1].cells, sum_of(manifest, 1, others(manifest)))
    for step, members in ((3, told[3].names), (5, others(manifest, LIAR))):
        assert np.array_equal(told[step].cells, sum_of(manifest, step, members))


def test_a_second_one_is_found_in_a_later_round():
    manifest = manifest_of(count=26, min_cohort=5)
    other = "hospital-8"
    with operators(manifest) as running:
        cheats = {1: {LIAR: GARBAGE}, 3: {other: GARBAGE}}
        told, _ = asyncio.run(played(running, manifest, cheats=lambda step: cheats.get(step, {})))
    assert [told[step].refused for step in (1, 3, 5)] == [(LIAR,), (LIAR, other), (LIAR, other)]
    assert np.array_equal(told[5].cells, sum_of(manifest, 5, others(manifest, LIAR, other)))


def test_where_it_does_not_come_out_who_it_is_the_largest_sum_in_range_counts_and_nobody_is_left_out():
    manifest = manifest_of(count=9, rounds=4)
    second = "hospital-6"
    cheats = {1: {LIAR: GARBAGE, second: GARBAGE}}
    with operators(manifest) as running:
        told, parties = asyncio.run(played(running, manifest, cheats=lambda step: cheats.get(step, {})))
    assert {told[step].refused for step in told} == {()}
    assert 4 <= told[1].members < 8
    assert not {LIAR, second} & {*told[1].names}
    assert np.array_equal(told[1].cells, sum_of(manifest, 1, told[1].names))
    assert [told[step].members for step in (2, 3, 4, 7)] == [9] * 4
    assert all(not party.ended for party in parties.values())


def test_among_too_few_nobody_is_named_and_the_sum_out_of_range_is_told_as_it_is():
    manifest = manifest_of(count=6, min_cohort=5)
    with operators(manifest) as running:
        told, parties = asyncio.run(played(running, manifest, cheats=lies))
    assert {told[step].refused for step in told} == {()}
    assert not in_range(manifest.calibration, told[5].cells, told[5].members, release=None, aggregators=2)
    assert not parties[LIAR].ended


@dataclasses.dataclass
class Watched:
    """Between two parties: writes down what is told of sums, and is out of order for one of them."""

    inner: object
    callee: str
    told: dict
    broken: set

    async def call(self, request, *, timeout_s):
        if isinstance(request, TrialQuery) and request.trial in self.broken:
            raise Unavailable("away")
        reply = await self.inner.call(request, timeout_s=timeout_s)
        if isinstance(reply, TrialShare):
            self.told.setdefault((self.callee, reply.step, reply.trial), set()).add(reply.share.tobytes())
        return reply


def out_of_disk(run, done):
    raise Unavailable("no space is left")


@pytest.mark.parametrize("noise", [False, True])
def test_aggregators_that_restart_amid_an_inquiry_or_after_it_tell_the_same_sums_and_no_others(tmp_path, noise):
    releases = noised(sigma=0.5, rounds=23, epsilon=1e6, delta=1e-6) if noise else None
    manifest = manifest_of(rounds=23, releases=releases, round_timeout_s=2.0)
    urls = [f"sqlite:///{tmp_path / str(index)}.db" for index in range(2)]
    keys = {each.name: manifest.share().keys() for each in manifest.clients}
    told, broken = {}, {3}

    def around(caller, callee, transport):
        return Watched(transport, callee, told, broken) if caller.startswith("aggregator") else transport

    def play(running, timeout_s, **more):
        return asyncio.run(asyncio.wait_for(played(running, manifest, cheats=lies, keys=keys, **more), timeout_s))

    with operators(manifest, urls, around=around) as running, pytest.raises(TimeoutError):
        play(running, 1.0, last=1)
    assert {trial for _, _, trial in told} == {0, 1, 2}
    broken.clear()
    with operators(manifest, urls, around=around) as running:
        running.runs[0]._store.save_round = out_of_disk
        with pytest.raises(TimeoutError):
            play(running, 1.0, first=1, last=1)
        assert [run.last.number for run in running.runs] == [0, 1]
    with operators(manifest, urls, around=around) as running:
        again, _ = play(running, 20.0, first=1, last=3)
        lasts = [run.last for run in running.runs]
    assert {last.left_out for last in lasts} == {(LIAR,)}
    assert all(len(shares) == 1 for shares in told.values())
    assert len({trial for _, step, trial in told if step == 1}) > 4
    assert again[3].names == others(manifest, LIAR)
    for step in (1, 3):
        assert again[step].refused == (LIAR,)
        assert np.array_equal(again[step].cells, sum_of(manifest, step, again[step].names)) != noise


def test_each_sum_has_noise_of_its_own_and_is_paid_for_until_the_budget_is_spent():
    given = {"sigma": 0.5, "epsilon": 1e6, "delta": 1e-6}
    manifest = manifest_of(rounds=12, releases=noised(rounds=12, **given))
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


def asked_of(run, *, step=1, trial=0, over):
    return run.tried(TrialQuery(run.id, step, trial, over))


def test_nobody_gets_a_group_that_it_asks_for():
    """The engine has no message for it; an aggregator is told sums over the groups that the rule draws alone."""
    manifest = manifest_of()
    members = others(manifest)

    async def act(running):
        await played(running, manifest, cheats=lies, last=1)
        run, answer = running.runs[1], running.answers[1]
        inquiry = Inquiry(members, manifest.min_cohort, coin(run.id, 1))
        group = inquiry.next()
        assert (await asked_of(run, over=mark(members))).share.size == SIZE.words
        assert (await asked_of(run, trial=1, over=mark(group))).share.size == SIZE.words
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


@dataclasses.dataclass
class Turncoat:
    """Aggregator 1, as aggregator 0 hears it: of step 1 it says another cohort, or other shares, each time."""

    inner: object
    members: bool
    run: object = None
    begun: int = 0
    told: dict = dataclasses.field(default_factory=dict)

    async def call(self, request, *, timeout_s):
        self.begun += isinstance(request, MembersQuery) and request.step == 1
        if isinstance(request, TrialQuery):
            return await self.tried(request, timeout_s)
        reply = await self.inner.call(request, timeout_s=timeout_s)
        if self.members and isinstance(request, MembersQuery) and request.step == 1:
            return dataclasses.replace(reply, names=reply.names[self.begun % 3 :])
        return reply

    async def tried(self, request, timeout_s):
        self.told.setdefault(request.trial, set()).add(request.over)
        if self.members or request.trial == 2 + self.begun:
            raise Unavailable("away")
        share = np.uint64(0) - (await asked_of(self.run, trial=request.trial, over=request.over)).share
        if request.trial == 0 or (request.trial + self.begun) % 2:
            share += np.uint64(2**62)
        return TrialShare(request.step, request.trial, request.over, share)


@pytest.mark.parametrize("members", [True, False])
@pytest.mark.parametrize("noise", [False, True])
def test_an_aggregator_that_says_something_else_when_a_round_is_done_again_is_told_no_other_sum(members, noise):
    """The difference of two sums over other groups with the same noise would be somebody's gradient."""
    releases = noised(sigma=0.5, rounds=23, epsilon=1e6, delta=1e-6) if noise else None
    manifest, liars = manifest_of(rounds=23, releases=releases), []

    def around(caller, callee, transport):
        if (caller, callee) != ("aggregator-0", "aggregator-1"):
            return transport
        liars.append(Turncoat(transport, members))
        return liars[-1]

    async def act(running):
        liars[0].run = running.runs[0]
        with contextlib.suppress(PartiesDisagree, TimeoutError):
            await asyncio.wait_for(played(running, manifest, cheats=lambda step: {}, last=1), 1.5)

    with operators(manifest, around=around) as running:
        asyncio.run(act(running))
    assert liars[0].begun >= 2
    assert liars[0].told.keys() >= ({0} if members else {0, 1, 2, 3})
    assert all(len(over) == 1 for over in liars[0].told.values()), liars[0].told


def test_after_a_restart_the_next_round_waits_for_those_too_that_an_inquiry_did_not_count(tmp_path):
    manifest = manifest_of()
    urls = [f"sqlite:///{tmp_path / str(index)}.db" for index in range(2)]
    with operators(manifest, urls) as running:
        told, _ = asyncio.run(played(running, manifest, cheats=lies, last=1))
    assert len(told[1].names) < 7
    with operators(manifest, urls) as running:
        assert [run.waited_for for run in running.runs] == [{*others(manifest, LIAR)}] * 2


def test_a_budget_that_is_spent_amid_an_inquiry_ends_the_run_after_that_round_has_told_what_was_opened():
    manifest = manifest_of(rounds=5, releases=noised(rounds=5, sigma=0.5, epsilon=1e6, delta=1e-6))

    async def act(running):
        with pytest.raises(BudgetSpent, match="5 sums"):
            await played(running, manifest, cheats=lies)
        return [run.last for run in running.runs], running.runs[0]._store.group_tests(running.runs[0].id)

    with operators(manifest) as running:
        lasts, begun = asyncio.run(asyncio.wait_for(act(running), 20.0))
    assert {(last.number, last.left_out) for last in lasts} == {(2, ())}
    assert all(len(last.seen) == 5 for last in lasts)
    assert begun.number in (1, 3)
