"""A client that goes on from its journal: what aggregators get, and when it does not go on."""

import asyncio

import numpy as np
import pytest

from client_sdk import Client, ContactTable, PrivateState
from client_sdk.simulation.durable_exchange import DurableExchange
from protocols.errors import ConflictingReplay, RecordsDiffer, Unavailable
from protocols.masking.journal import MemoryJournal
from protocols.wire.messages import Share
from protocols.wire.transport import Transport


class Tap(Transport):
    """Keeps what one aggregator is told."""

    def __init__(self, inner, told):
        self._inner, self._told = inner, told

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share):
            self._told.append((request.step, request.share.tobytes()))
        return await self._inner.call(request, timeout_s=timeout_s)


def private(manifest):
    return PrivateState(
        manifest,
        "client-0",
        contacts=ContactTable(*np.zeros((5, 0), dtype=np.int64)),
        cell=np.zeros(2 * bool(manifest.cells), dtype=np.int64),
    )


async def join(manifest, transports, journal):
    return await Client.join_over(
        manifest, private(manifest), DurableExchange(manifest, "client-0", transports, journal)
    )


def test_of_a_client_that_comes_back_only_new_rounds_come_with_a_key(manifest_of, operators_of):
    manifest, journal, told = manifest_of([(1, 2)], cells=(5,), k=3), MemoryJournal(), [[], [], []]

    async def act():
        with operators_of(manifest) as operators:
            ways = [Tap(inner, each) for inner, each in zip(operators.transports("client-0"), told, strict=True)]
            first = await join(manifest, ways, journal)
            await first.advance()
            await first.advance()
            second = await join(manifest, ways, MemoryJournal(journal._entries))
            await second.run()
            return second

    assert asyncio.run(act()).missed == []
    keys = [[share for _, share in each] for each in told]
    assert [[len(key) for key in each] for each in keys[:2]] == [[0, 0, 32, 32, 32]] * 2
    assert len({key for each in keys[:2] for key in each}) == 3  # nothing, and a key for each of the two
    assert [step for step, _ in told[2]] == [0, 1, 2, 3, 4]  # what is in the journal is not asked for again


def test_a_run_that_is_over_is_lived_through_once_more_without_its_servers(manifest_of, operators_of):
    manifest, journal = manifest_of([(1, 2)], mode="outcome"), MemoryJournal()

    async def act():
        with operators_of(manifest) as operators:
            first = await join(manifest, operators.transports("client-0"), journal)
            await first.run()
        again = MemoryJournal(journal._entries)
        assert DurableExchange(manifest, "client-0", [None, None], again).is_over
        second = await join(manifest, [None, None], again)
        await second.run()
        return first, second

    first, second = asyncio.run(act())
    assert all(
        first.private.state[field].tobytes() == second.private.state[field].tobytes() for field in first.private.state
    )


def test_what_the_journal_lacks_is_missed_where_no_server_answers_and_comes_when_they_do(manifest_of, operators_of):
    manifest, journal = manifest_of([(1, 2)], mode="outcome"), MemoryJournal()

    async def act():
        with operators_of(manifest) as operators:
            first = await join(manifest, operators.transports("client-0"), journal)
            await first.advance()
            alone = DurableExchange(manifest, "client-0", [None, None], MemoryJournal(journal._entries))
            alone.leave()
            left = await Client.join_over(manifest, private(manifest), alone)
            await left.run()
            back = await join(
                manifest, operators.transports("client-0"), MemoryJournal(alone._journal._journal._entries)
            )
            await back.run()
            return left, back

    left, back = asyncio.run(act())
    assert sorted(set(left.missed)) == list(range(1, manifest.steps + 1))
    assert back.missed == []


def test_a_folder_that_was_put_back_sits_the_run_out(manifest_of, operators_of):
    manifest, journal = manifest_of([(1, 2)]), MemoryJournal()

    async def act():
        with operators_of(manifest) as operators:
            first = await join(manifest, operators.transports("client-0"), journal)
            await first.advance()
            before = MemoryJournal(journal._entries)
            await first.advance()
            with pytest.raises(RecordsDiffer, match="put back, or a copy"):
                await join(manifest, operators.transports("client-0"), before)

    asyncio.run(act())


class Severed(Transport):
    """Brings no share to its aggregator."""

    def __init__(self, inner):
        self._inner = inner

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share):
            raise Unavailable("cut off")
        return await self._inner.call(request, timeout_s=timeout_s)


def test_a_copy_that_one_aggregator_heard_second_is_told_so_and_nobody_else_is(manifest_of, operators_of):
    """Each counts the start that it heard first: a sum of two starts' shares, which is known by this refusal alone."""
    manifest, journal, told = manifest_of([(1, 2)]), MemoryJournal(), []

    async def act():
        with operators_of(manifest) as operators:
            one, two = operators.transports("client-0")
            first = DurableExchange(manifest, "client-0", [Tap(one, told), Severed(two)], journal)
            await first.join()
            copy = DurableExchange(manifest, "client-0", [one, two], MemoryJournal(dict(journal._entries)))
            await copy.join()
            vector = np.zeros(operators.runs[0].layout.d, dtype=np.uint64)
            severed = asyncio.ensure_future(first.round(vector, step=0))
            while not told:
                await asyncio.sleep(0)
            with pytest.raises(ConflictingReplay, match="the first one count"):
                await copy.round(vector, step=0)
            with pytest.raises(Unavailable):
                await severed
            return [run.last.members for run in operators.runs]

    assert asyncio.run(act()) == [("client-0",)] * 2
