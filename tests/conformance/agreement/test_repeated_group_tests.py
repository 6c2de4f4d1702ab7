"""Group testing when a round is done again: after a restart, or because an aggregator lies, no other sum is told."""

import asyncio
import contextlib
import dataclasses

import numpy as np
import pytest

from lpm_secure.audit.views.in_process import operators
from lpm_secure.secure_sum.parties import build_noisy_releases
from protocols.errors import PartiesDisagree, Unavailable
from protocols.wire.messages import MembersQuery, TrialQuery, TrialShare
from tests.hospital_cohort import (
    LIAR,
    Watched,
    asked_of,
    lies,
    manifest_of,
    others,
    played,
    sum_of,
)


def out_of_disk(run, done):
    raise Unavailable("no space is left")


@pytest.mark.parametrize("noise", [False, True])
def test_aggregators_that_restart_amid_an_inquiry_or_after_it_tell_the_same_sums_and_no_others(tmp_path, noise):
    releases = build_noisy_releases(sigma=0.5, rounds=23, epsilon=1e6, delta=1e-6) if noise else None
    manifest = manifest_of(rounds=23, releases=releases, round_timeout_s=2.0)
    urls = [f"sqlite:///{tmp_path / str(index)}.db" for index in range(2)]
    keys = {each.name: manifest.share().keys() for each in manifest.clients}
    told, broken = {}, {3}

    def around(caller, callee, transport):
        return Watched(transport, callee, told, broken) if caller.startswith("aggregator") else transport

    def play(running, timeout_s, **more):
        return asyncio.run(asyncio.wait_for(played(running, manifest, cheats=lies, keys=keys, **more), timeout_s))

    with operators(manifest, urls, around=around) as running, pytest.raises(TimeoutError):
        play(running, 3.0, last=1)
    assert {trial for _, _, trial in told} == {0, 1, 2}
    broken.clear()
    with operators(manifest, urls, around=around) as running:
        running.runs[0]._store.save_round = out_of_disk
        with pytest.raises(TimeoutError):
            play(running, 4.0, first=1, last=1)
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
        assert np.array_equal(again[step].words, sum_of(manifest, step, again[step].names)) != noise


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
            return await self.share_trial(request, timeout_s)
        reply = await self.inner.call(request, timeout_s=timeout_s)
        if self.members and isinstance(request, MembersQuery) and request.step == 1:
            return dataclasses.replace(reply, names=reply.names[self.begun % 3 :])
        return reply

    async def share_trial(self, request, timeout_s):
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
    releases = build_noisy_releases(sigma=0.5, rounds=23, epsilon=1e6, delta=1e-6) if noise else None
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
