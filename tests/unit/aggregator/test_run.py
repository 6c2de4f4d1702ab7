"""Rounds at one aggregator, which sees whole vectors: the oracle's sharing, without anybody to agree with."""

import asyncio

import numpy as np
import pytest

from protocols.errors import (
    CohortTooSmall,
    ConflictingReplay,
    NotEnrolled,
    NotJoined,
    RoundAhead,
    RoundClosed,
    Unavailable,
    WrongLength,
)
from protocols.wire.messages import Join, JoinReply, Share

ALL = ("client-0", "client-1", "client-2")
LONG_S = 600.0  # a deadline that no test reaches
SHORT_S = 0.1


@pytest.fixture
def manifest(manifest_of):
    """Return a function that makes a manifest of three clients and one aggregator that sees everything."""

    def made(**changes):
        timeouts = {"join_timeout_s": LONG_S, "round_timeout_s": LONG_S}
        return manifest_of(k=1, sharing="clear", **timeouts | changes)

    return made


def content(reply):
    """Return a reply as values that compare."""
    return (reply.step, reply.own.tolist(), reply.release.tolist(), reply.synthetic.tolist(), reply.members)


def test_a_round_closes_when_all_are_in_and_tells_each_its_own(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        return await operator.everybody(0, *ALL)

    replies = during(manifest(), act)
    assert [reply.own.size for reply in replies] == [2, 1, 2]
    for reply in replies:
        assert (reply.step, reply.members) == (0, 3)
        assert set(reply.own.tolist()) == set(reply.release.tolist()) == {6}


def test_a_round_waits_for_the_last_one(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        waiting = [asyncio.ensure_future(operator.exchange(client, 0)) for client in ALL[:2]]
        done, _ = await asyncio.wait(waiting, timeout=0.05)
        assert not done
        await operator.exchange("client-2", 0)
        return [reply.members for reply in await asyncio.gather(*waiting)]

    assert during(manifest(), act) == [3, 3]


def test_a_repeated_share_gets_the_same_reply_and_counts_once(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        early = [asyncio.ensure_future(operator.exchange("client-0", 0, 1)) for _ in range(3)]
        await asyncio.sleep(0.01)
        await operator.everybody(0, *ALL)
        return [content(await reply) for reply in early] + [content(await operator.exchange("client-0", 0, 1))]

    replies = during(manifest(), act)
    assert len({str(reply) for reply in replies}) == 1
    assert replies[0][1] == [6, 6]


def test_a_repeated_share_with_another_body_is_refused_and_the_first_one_counts(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        first = asyncio.ensure_future(operator.exchange("client-0", 0, 1))
        await asyncio.sleep(0.01)
        with pytest.raises(ConflictingReplay, match="client-0 sent two different shares for step 0"):
            await operator.exchange("client-0", 0, 99)
        await operator.everybody(0, *ALL[1:])
        with pytest.raises(ConflictingReplay, match="client-0 sent two different shares for step 0"):
            await operator.exchange("client-0", 0, 99)
        return (await first).own.tolist()

    assert during(manifest(), act) == [6, 6]


def test_a_late_client_is_told_so_and_goes_on_with_the_next_step(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        await operator.everybody(0, *ALL)
        await operator.everybody(1, *ALL[:2])
        with pytest.raises(RoundClosed, match="step 1 has closed without client-2; go on with step 2"):
            await operator.exchange("client-2", 1)
        return [reply.members for reply in await operator.everybody(2, *ALL)]

    assert during(manifest(round_timeout_s=SHORT_S), act) == [3, 3, 3]


def test_a_share_for_a_step_long_over_is_refused(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        for step in range(3):
            await operator.everybody(step, *ALL)
        with pytest.raises(RoundClosed, match="step 1 is over; go on with step 3"):
            await operator.exchange("client-0", 1, 1)

    during(manifest(), act)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_share_for_a_step_that_has_not_begun_is_refused(manifest, during, step):
    async def act(operator):
        operator.join(*ALL)
        with pytest.raises(RoundAhead, match=f"got step {step}, but step 0 comes next, of 4 in all"):
            await operator.exchange("client-0", step)
        return [reply.members for reply in await operator.everybody(0, *ALL)]

    assert during(manifest(), act) == [3, 3, 3]


@pytest.mark.parametrize("step", [5, 2**32])
def test_a_share_for_a_step_that_the_run_does_not_have_is_refused(manifest, during, step):
    async def act(operator):
        operator.join(*ALL)
        with pytest.raises(RoundAhead, match=f"got step {step}, speak; the run has steps 0 to 4"):
            await operator.exchange("client-0", step)

    during(manifest(), act)


def test_after_the_last_round_there_is_no_other(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        for step in range(5):
            await operator.everybody(step, *ALL)
        with pytest.raises(RoundAhead, match="step 5"):
            await operator.exchange("client-0", 5)
        return (await operator.exchange("client-0", 4, 1)).step

    assert during(manifest(), act) == 4


def test_a_share_of_another_length_is_refused(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        for words in (0, operator.run.layout.d - 1, operator.run.layout.d + 1):
            with pytest.raises(WrongLength, match=f"got a share of {words} words; 9 are needed"):
                await operator.run.exchange("client-0", Share(operator.run.id, 0, np.zeros(words, dtype=np.uint64)))

    during(manifest(), act)


def test_who_has_not_joined_or_is_not_listed_is_refused(manifest, during):
    async def act(operator):
        with pytest.raises(NotJoined, match="client-0 has not joined this run; join first"):
            await operator.exchange("client-0", 0)
        with pytest.raises(NotEnrolled, match="lists no client mallory"):
            await operator.exchange("mallory", 0)
        with pytest.raises(NotEnrolled, match="lists no client mallory"):
            operator.join("mallory")

    during(manifest(), act)


def test_joining_again_changes_nothing(manifest, during):
    async def act(operator):
        operator.join(*ALL, *ALL)
        return [reply.own.tolist()[0] for reply in await operator.everybody(0, *ALL)]

    assert during(manifest(), act) == [6, 6, 6]


def test_joining_tells_which_step_comes_next(manifest, during):
    async def act(operator):
        operator.join(*ALL[:2])
        before = operator.run.join("client-0", Join(operator.run.id, b""))
        operator.run.waited_for.discard("client-2")
        await operator.everybody(0, *ALL[:2])
        return before, operator.run.join("client-2", Join(operator.run.id, b""))

    assert during(manifest(), act) == (JoinReply(0), JoinReply(1))


def test_a_key_where_none_is_needed_is_refused(manifest, during):
    async def act(operator):
        with pytest.raises(WrongLength, match="got a key of 32 bytes; this aggregator needs 0"):
            operator.run.join("client-0", Join(operator.run.id, bytes(32)))

    during(manifest(), act)


def test_at_its_deadline_a_round_closes_over_those_that_are_in(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        await operator.everybody(0, *ALL)
        return await operator.everybody(1, *ALL[:2])

    replies = during(manifest(round_timeout_s=SHORT_S, min_cohort=2), act)
    assert [(reply.members, reply.own.tolist()[0]) for reply in replies] == [(2, 3), (2, 3)]


def test_at_its_deadline_a_round_of_too_few_is_refused_until_more_come(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        await operator.everybody(0, *ALL)
        with pytest.raises(CohortTooSmall, match="a sum of 1 client: the manifest promises 2; wait for more"):
            await operator.exchange("client-0", 1, 1)
        return await operator.everybody(1, *ALL[:2])

    replies = during(manifest(round_timeout_s=SHORT_S, min_cohort=2), act)
    assert [reply.release.tolist()[0] for reply in replies] == [3, 3]


def test_too_few_at_a_deadline_wait_for_those_that_come_a_little_later(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        first = asyncio.ensure_future(operator.exchange("client-0", 0, 1))
        await asyncio.sleep(1.5 * SHORT_S)
        assert not first.done()
        return await asyncio.gather(first, operator.exchange("client-1", 0, 2))

    replies = during(manifest(join_timeout_s=SHORT_S, min_cohort=2), act)
    assert [reply.release.tolist()[0] for reply in replies] == [3, 3]


def test_who_was_absent_at_a_deadline_is_waited_for_no_longer(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        return [[reply.members for reply in await operator.everybody(step, *ALL[:2])] for step in range(3)]

    assert during(manifest(join_timeout_s=SHORT_S), act) == [[2, 2]] * 3


def test_who_calls_again_after_an_absence_is_waited_for_again(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        await operator.everybody(0, *ALL[:2])
        with pytest.raises(RoundClosed):
            await operator.exchange("client-2", 0)
        others = [asyncio.ensure_future(operator.exchange(client, 1)) for client in ALL[:2]]
        done, _ = await asyncio.wait(others, timeout=0.05)
        assert not done
        return (await operator.exchange("client-2", 1)).members

    assert during(manifest(join_timeout_s=SHORT_S), act) == 3


def test_while_the_engine_is_silent_clients_are_told_to_call_again_and_then_it_goes_on(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        calls = await asyncio.gather(*(operator.exchange(client, 0) for client in ALL), return_exceptions=True)
        assert [type(error) for error in calls] == [Unavailable] * 3
        assert "the engine has not announced step 0 in time; call again" in str(calls[0])
        released, *replies = await asyncio.gather(
            operator.announce(0, 5, -7), *(operator.exchange(client, 0) for client in ALL)
        )
        assert [reply.synthetic.tolist() for reply in replies] == [[5, -7]] * 3
        return released.members, released.release.tolist(), replies[0].release.tolist()

    given = manifest(engine=True, cells=(9, 9), join_timeout_s=SHORT_S)
    assert during(given, act) == (3, [3] * 6, [3] * 6)


def test_clients_wait_for_an_engine_that_comes_after_a_deadline(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        calls = [asyncio.ensure_future(operator.exchange(client, 0)) for client in ALL]
        await asyncio.sleep(1.5 * SHORT_S)
        assert not any(call.done() for call in calls)
        await operator.announce(0, 5, -7)
        return [reply.members for reply in await asyncio.gather(*calls)]

    assert during(manifest(engine=True, cells=(9, 9), join_timeout_s=SHORT_S), act) == [3] * 3


def test_a_run_with_an_engine_waits_for_its_announcement(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        waiting = [asyncio.ensure_future(operator.exchange(client, 0)) for client in ALL]
        done, _ = await asyncio.wait(waiting, timeout=0.05)
        assert not done
        await operator.announce(0, 1, 2)
        return [reply.members for reply in await asyncio.gather(*waiting)]

    assert during(manifest(engine=True, cells=(9, 9)), act) == [3, 3, 3]


def test_a_repeated_announcement_gets_the_same_reply_and_another_one_is_refused(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        first = asyncio.ensure_future(operator.announce(0, 1, 2))
        await asyncio.sleep(0.01)
        with pytest.raises(ConflictingReplay, match="two different totals for step 0"):
            await operator.announce(0, 1, 3)
        await operator.everybody(0, *ALL)
        with pytest.raises(ConflictingReplay, match="two different totals for step 0"):
            await operator.announce(0, 1, 3)
        again = await operator.announce(0, 1, 2)
        assert (await first).release.tolist() == again.release.tolist()
        assert (await first).traffic == again.traffic > 0

    during(manifest(engine=True, cells=(9, 9)), act)


def test_an_announcement_of_another_length_or_without_an_engine_is_refused(manifest, during):
    async def act(operator):
        with pytest.raises(WrongLength, match="got 1 numbers of step 0: totals of 2 cells and 0 public numbers"):
            await operator.announce(0, 1)

    during(manifest(engine=True, cells=(9, 9)), act)

    async def act_without(operator):
        with pytest.raises(NotEnrolled, match="this run has no engine"):
            await operator.announce(0, 1, 2)

    during(manifest(cells=(9, 9)), act_without)


def test_an_aggregator_that_stops_tells_those_who_wait_to_call_again(manifest, during):
    async def act(operator):
        operator.join(*ALL)
        waiting = asyncio.ensure_future(operator.exchange("client-0", 0))
        await asyncio.sleep(0.01)
        operator.run.stop()
        with pytest.raises(Unavailable, match="this aggregator is stopping; call again"):
            await waiting

    during(manifest(), act)
