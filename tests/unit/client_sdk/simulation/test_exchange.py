"""A client exchanges shares with every aggregator, until its run is over; what one alone answers settles nothing."""

import asyncio
import contextlib
import dataclasses
import datetime
import types

import msgspec
import numpy as np
import pytest

from client_sdk import LocalTransport
from client_sdk.simulation.durable_exchange import DurableExchange
from client_sdk.simulation.exchange import Exchange
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import AnswerLost, ParameterError, PartiesDisagree, RoundClosed, RunExpired, ShareRefused
from protocols.masking.journal import MemoryJournal
from protocols.wire.messages import Join, Share
from protocols.wire.transport import Transport


class Liar(Transport):
    """Hands all calls on, and answers some kinds of them with something else."""

    def __init__(self, inner, lies):
        self._inner, self._lies = inner, lies

    async def call(self, request, *, timeout_s):
        lie = self._lies.get(type(request), {})
        if isinstance(lie, dict):
            return dataclasses.replace(await self._inner.call(request, timeout_s=timeout_s), **lie)
        with contextlib.suppress(RoundClosed):
            await self._inner.call(request, timeout_s=timeout_s)
        raise lie("so it says")


LIES = [
    {Share: ShareRefused},
    {Share: ShareRefused, Join: ShareRefused},
    {Share: RoundClosed, Join: RoundClosed},
    {Share: RoundClosed, Join: ShareRefused},
    {Share: RoundClosed, Join: {"counted": None}},
    {Share: AnswerLost},
]


def end(manifest, operators, lies, liars):
    """Return how a round ends in which a client's share counts, and some aggregators lie, and what its journal has."""

    async def act():
        told = {}
        transports = enumerate(operators.transports("client-0"))
        ways = [Liar(each, told if place < liars else {}) for place, each in transports]
        exchange = DurableExchange(manifest, "client-0", ways, MemoryJournal())
        await exchange.join()
        told.update(lies)
        with pytest.raises(PartiesDisagree) as raised:
            await exchange.round(np.zeros(operators.runs[0].layout.d, dtype=np.uint64), step=0)
        return raised.value, exchange._journal.has_heard(0)

    return asyncio.run(act())


def test_a_client_needs_a_transport_to_each_aggregator(manifest_of):
    with pytest.raises(ParameterError, match="got 1 transports for 2 aggregators"):
        Exchange(manifest_of(), "client-0", [LocalTransport(None, caller="client-0")])


def test_a_client_tells_nothing_more_when_the_time_of_a_run_is_over(manifest_of):
    manifest = pin_keys(manifest_of())[0]
    over = manifest.trust.not_before + datetime.timedelta(seconds=1)
    expired = msgspec.structs.replace(manifest, trust=msgspec.structs.replace(manifest.trust, not_after=over))
    exchange = Exchange(expired, "client-0", [None, None])  # of transports that would fail
    with pytest.raises(RunExpired):
        asyncio.run(exchange.round(np.zeros(0, dtype=np.uint64), step=0))


def test_whoever_asks_again_too_late_hears_whether_its_share_counted(manifest_of, operators_of):
    manifest = manifest_of([(1, 2), (3,)], round_timeout_s=0.1)

    async def act():
        with operators_of(manifest) as operators:
            own, other = (Exchange(manifest, name, operators.transports(name)) for name in ("client-0", "client-1"))
            await asyncio.gather(own.join(), other.join())
            words = np.zeros(operators.runs[0].layout.d, dtype=np.uint64)
            await asyncio.gather(own.round(words, step=0), other.round(words, step=0))
            for step in (1, 2):
                await other.round(words, step=step)
            with pytest.raises(AnswerLost):
                await own.round(words, step=0)
            with pytest.raises(RoundClosed) as closed:
                await own.round(words, step=1)
            return type(closed.value), await own.ask_last_round(), await other.ask_last_round()

    assert asyncio.run(act()) == (RoundClosed, 0, 2)


@pytest.mark.parametrize("liars", [1, 2])
@pytest.mark.parametrize("lies", LIES)
def test_a_share_that_counted_is_settled_by_no_lie(lies, liars, manifest_of, operators_of, monkeypatch):
    """Taken for one that did not count, the same would be told once more, beyond the norm that noise covers."""
    clock = types.SimpleNamespace(monotonic=map(float, range(0, 10**6, 100)).__next__)  # patience is soon over
    monkeypatch.setattr("client_sdk.simulation.exchange.time", clock)
    manifest = manifest_of([(1, 2)], k=3)
    with operators_of(manifest) as operators:
        error, has_heard = end(manifest, operators, lies, liars)
        assert "stop the run" in str(error)
        assert not has_heard
        assert [run.last.members for run in operators.runs] == [("client-0",)] * 3


def test_a_share_that_did_not_count_is_not_lost_where_one_aggregator_alone_says_so(manifest_of, operators_of):
    manifest = manifest_of([(1, 2), (3,)], join_timeout_s=0.1, round_timeout_s=0.1)

    async def act():
        with operators_of(manifest) as operators:
            one, two = operators.transports("client-0")
            own = Exchange(manifest, "client-0", [Liar(one, {Share: AnswerLost}), two])
            other = Exchange(manifest, "client-1", operators.transports("client-1"))
            words = np.zeros(operators.runs[0].layout.d, dtype=np.uint64)
            await asyncio.gather(own.join(), other.join())
            await other.round(words, step=0)
            with pytest.raises(PartiesDisagree, match="refused a share, or lost it"):
                await own.round(words, step=0)

    asyncio.run(act())


def test_steps_that_are_further_apart_than_honest_aggregators_are_a_lie(manifest_of, operators_of):
    manifest = manifest_of([(1, 2)])

    async def act(step):
        with operators_of(manifest) as operators:
            one, two = operators.transports("client-0")
            return await Exchange(manifest, "client-0", [Liar(one, {Join: {"step": step}}), two]).join()

    assert asyncio.run(act(1)) == 1
    with pytest.raises(PartiesDisagree, match=r"steps \[2, 0\] come next"):
        asyncio.run(act(2))


class LateAtFirst(Transport):
    """Brings its first call when the run has gone on without the client."""

    def __init__(self, inner, run, step):
        self._inner, self._run, self._step, self.calls = inner, run, step, 0

    async def call(self, request, *, timeout_s):
        self.calls += 1
        while self._run.round.step < self._step:
            await asyncio.sleep(0.01)
        return await self._inner.call(request, timeout_s=timeout_s)


def test_a_call_that_is_late_at_one_honest_aggregator_is_no_lie(manifest_of, operators_of):
    manifest = manifest_of([(1, 2), (3,)], join_timeout_s=0.1, round_timeout_s=0.1)

    async def act():
        with operators_of(manifest) as operators:
            other = Exchange(manifest, "client-1", operators.transports("client-1"))
            await other.join()
            one, two = operators.transports("client-0")
            late = LateAtFirst(one, operators.runs[0], 3)
            joining = asyncio.ensure_future(Exchange(manifest, "client-0", [late, two]).join())
            for step in range(3):
                await other.round(np.zeros(operators.runs[0].layout.d, dtype=np.uint64), step=step)
            assert await joining == 3
            assert late.calls == 2

    asyncio.run(act())
