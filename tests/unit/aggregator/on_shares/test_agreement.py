"""Aggregators agree on who took part in a step; here one of them is real, and the other answers as told."""

import asyncio
import time

import numpy as np
import pytest

from protocols.arithmetic.sharing.additive import keystream
from protocols.errors import CohortTooSmall, ConflictingReplay, RoundClosed, Unavailable, WrongLength
from protocols.wire.messages import Join, MembersQuery, Share

ALL = ("client-0", "client-1", "client-2")
LONG_S = 600.0
SHORT_S = 0.1


@pytest.fixture
def manifest(manifest_of):
    """Return a function that makes a manifest of three clients and two aggregators."""

    def made(**changes):
        return manifest_of(k=2, **{"join_timeout_s": LONG_S, "round_timeout_s": LONG_S} | changes)

    return made


def started(*coroutines):
    return [asyncio.ensure_future(coroutine) for coroutine in coroutines]


async def frozen(operator, told, *clients):
    """Let clients speak in step 0, and return their waiting calls once the members are decided but not agreed."""
    waiting = started(*(operator.exchange(client, 0, 1) for client in clients))
    while operator.run.round.decided is None or not told.asked:
        await asyncio.sleep(0.001)
    return waiting


def test_only_who_took_part_everywhere_is_counted(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        told.tell("client-0", "client-2")
        calls = started(*(operator.exchange(client, 0, 10 ** int(client[-1])) for client in ALL))
        with pytest.raises(
            RoundClosed, match=r"without client-1, which not every aggregator has heard, or .*; go on with step 1"
        ):
            await calls[1]
        return [(reply.members, reply.release.tolist()[0]) for reply in (await calls[0], await calls[2])]

    assert during(manifest(), act, peers=1) == [(2, 101), (2, 101)]


def test_whom_only_the_other_one_counts_is_not_counted(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        told.tell(*ALL)
        replies = await operator.everybody(0, *ALL[:2])
        return [(reply.members, reply.release.tolist()[0]) for reply in replies]

    assert during(manifest(join_timeout_s=SHORT_S), act, peers=1) == [(2, 3), (2, 3)]


def test_three_aggregators_count_the_intersection(manifest_of, during):
    async def act(operator, one, other):
        operator.join(*ALL)
        one.tell("client-0", "client-1")
        other.tell("client-1", "client-2")
        calls = started(*(operator.exchange(client, 0, 10 ** int(client[-1])) for client in ALL))
        for late in (calls[0], calls[2]):
            with pytest.raises(RoundClosed):
                await late
        return (await calls[1]).release.tolist()[0]

    assert during(manifest_of(k=3, join_timeout_s=LONG_S), act, peers=2) == 10


def test_too_few_in_common_is_refused(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        told.tell("client-0")
        calls = await asyncio.gather(*(operator.exchange(client, 0) for client in ALL), return_exceptions=True)
        return [type(error) for error in calls]

    assert during(manifest(min_cohort=2), act, peers=1) == [CohortTooSmall] * 3


def test_while_the_other_one_is_away_clients_are_told_to_call_again(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        for _ in range(2):
            told.answers.put_nowait(Unavailable("away"))
        calls = await asyncio.gather(*(operator.exchange(client, 0, 1) for client in ALL), return_exceptions=True)
        assert [type(error) for error in calls] == [Unavailable] * 3
        told.tell(*ALL)
        return [(await operator.exchange(client, 0, 1)).release.tolist()[0] for client in ALL]

    assert during(manifest(), act, peers=1) == [3, 3, 3]


def test_the_keys_expand_to_this_aggregators_share(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        totals = []
        for step in range(2):
            told.tell(*ALL[1:])
            calls = started(*(operator.exchange(client, step) for client in ALL))
            with pytest.raises(RoundClosed):
                await calls[0]
            totals.append((await calls[1]).release.tolist())
        return operator.run.layout, totals

    layout, totals = during(manifest(), act, peers=1, index=0)
    for step, total in enumerate(totals):
        expected = np.zeros(layout.d, dtype=np.uint64)
        for client in ALL[1:]:
            keystream(client.encode().ljust(32), nonce=step, out=expected)
        assert total == layout.release_of(expected).tolist()


def test_joining_with_another_key_is_refused(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        operator.join(*ALL)
        with pytest.raises(ConflictingReplay, match="client-0 has joined with another key"):
            operator.run.join("client-0", Join(operator.run.id, bytes(32)))
        told.tell(*ALL)
        return len(await operator.everybody(0, *ALL))

    assert during(manifest(), act, peers=1, index=0) == 3


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(manifest, during, length):
    async def act(operator, told):
        with pytest.raises(WrongLength, match=f"got a key of {length} bytes; this aggregator needs 32"):
            operator.run.join("client-0", Join(operator.run.id, bytes(length)))

    during(manifest(), act, peers=1, index=0)


def test_a_share_in_full_where_keys_expand_is_refused(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        share = Share(operator.run.id, 0, np.zeros(operator.run.layout.d, dtype=np.uint64))
        with pytest.raises(WrongLength, match="a key or nothing is needed here"):
            await operator.run.exchange("client-0", share)

    during(manifest(), act, peers=1, index=0)


def test_another_aggregator_is_answered_as_soon_as_this_one_has_decided(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        asked = asyncio.ensure_future(operator.run.members(MembersQuery(operator.run.id, 0)))
        done, _ = await asyncio.wait([asked], timeout=0.02)
        assert not done
        await frozen(operator, told, *ALL)
        return (await asked).names

    assert during(manifest(), act, peers=1) == ALL


def test_another_aggregator_that_asks_starts_the_deadline(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        query = MembersQuery(operator.run.id, 0)
        with pytest.raises(Unavailable, match="step 0 is not decided here yet; ask again"):
            await operator.run.members(query)
        calls = started(*(operator.exchange(client, 0, 1) for client in ALL[:2]))
        asked = started(operator.run.members(query))[0]
        told.tell(*ALL)
        assert (await calls[0]).members == 2
        await asyncio.wait([asked])  # its patience ends with the deadline; so it may have to ask again
        return (await operator.run.members(query)).names

    assert during(manifest(join_timeout_s=SHORT_S), act, peers=1) == ALL[:2]


def test_the_last_step_is_remembered_as_it_was_decided_and_those_before_are_not(manifest, during):
    async def act(operator, told):
        operator.join(*ALL)
        for step in range(2):
            told.tell("client-0", "client-1")
            await asyncio.gather(*(operator.exchange(client, step, 1) for client in ALL), return_exceptions=True)
        with pytest.raises(RoundClosed, match="step 0 is over, and its members are forgotten"):
            await operator.run.members(MembersQuery(operator.run.id, 0))
        return (await operator.run.members(MembersQuery(operator.run.id, 1))).names

    assert during(manifest(), act, peers=1) == ALL


@pytest.mark.timeout(20)
def test_a_question_about_the_next_step_is_waited_for_without_work(manifest, during):
    """Where the event is set already, `wait_for` does not give way: on Python 3.12 the whole process would stop."""

    async def act(operator, told):
        operator.join(*ALL)
        waiting = await frozen(operator, told, *ALL)
        asked = asyncio.ensure_future(operator.run.members(MembersQuery(operator.run.id, 1)))
        wall, busy = time.monotonic(), time.process_time()
        await asyncio.sleep(0.5)
        share_of_time = (time.process_time() - busy) / (time.monotonic() - wall)
        told.tell(*ALL)
        await asyncio.gather(*waiting)
        told.tell(*ALL)
        await operator.everybody(1, *ALL)
        assert (await asked).names == ALL
        return share_of_time

    assert during(manifest(), act, peers=1) < 0.5


def test_a_late_client_is_sent_to_the_next_step_only_once_it_is_open(manifest, during):
    """Told so while the aggregators still agree on the step, it would come too early, and that ends its run."""

    async def act(operator, told):
        operator.join(*ALL)
        waiting = await frozen(operator, told, *ALL[:2])
        late = asyncio.ensure_future(operator.exchange("client-2", 0))
        await asyncio.sleep(0.02)
        if late.done():
            with pytest.raises(RoundClosed):
                await late
            early = asyncio.ensure_future(operator.exchange("client-2", 1))
            await asyncio.sleep(0.02)
            assert not early.done(), early.exception()
        told.tell(*ALL)
        await asyncio.gather(*waiting)
        with pytest.raises(RoundClosed, match="go on with step 1"):
            await late
        told.tell(*ALL)
        return [reply.members for reply in await operator.everybody(1, *ALL)]

    assert during(manifest(join_timeout_s=SHORT_S), act, peers=1) == [3, 3, 3]


def test_who_calls_or_joins_while_the_others_agree_is_waited_for_in_the_next_step(manifest, during):
    async def act(operator, told):
        operator.join(*ALL[:2])
        waiting = await frozen(operator, told, *ALL[:2])
        operator.join("client-2")
        told.tell(*ALL)
        await asyncio.gather(*waiting)
        return operator.run.waited_for

    assert during(manifest(join_timeout_s=SHORT_S), act, peers=1) == set(ALL)


@pytest.mark.parametrize("turns", range(12))
def test_a_repeated_call_is_answered_in_whatever_moment_it_comes_while_the_round_closes(manifest, during, turns):
    """It may come after the members are decided and before the result stands; `turns` are those of the event loop."""

    async def act(operator, told):
        operator.join(*ALL)
        waiting = await frozen(operator, told, *ALL)
        told.tell(*ALL)
        for _ in range(turns):
            await asyncio.sleep(0)
        again = asyncio.ensure_future(operator.exchange("client-0", 0, 1))
        await asyncio.gather(*waiting)
        done, _ = await asyncio.wait([again], timeout=2.0)
        assert done, "the call hangs"
        return again.result().release.tolist()[0]

    assert during(manifest(), act, peers=1) == 3


def test_one_who_reaches_only_one_of_two_aggregators_is_counted_by_neither(manifest, operators_of):
    async def act():
        with operators_of(manifest(join_timeout_s=SHORT_S)) as operators:
            one, other = operators.runs
            for client in ALL:
                one.join(client, Join(one.id, client.encode().ljust(32)))
                other.join(client, Join(one.id, b""))
            nothing, vector = np.zeros(0, dtype=np.uint64), np.ones(other.layout.d, dtype=np.uint64)
            calls = [one.exchange(client, Share(one.id, 0, nothing, start=bytes(16))) for client in ALL[:2]]
            calls += [other.exchange(client, Share(one.id, 0, vector, start=bytes(16))) for client in ALL[1:]]
            return await asyncio.gather(*calls, return_exceptions=True)

    alone, counted, counted_too, alone_too = asyncio.run(act())
    assert type(alone) is type(alone_too) is RoundClosed
    assert counted.members == counted_too.members == 1
    assert counted_too.release.tolist()[0] == 1
