"""A client that goes on from its journal: what aggregators get, and when it does not go on."""

import asyncio
import dataclasses

import numpy as np
import pytest

from client_sdk import Client, ContactTable, PrivateState
from client_sdk.simulation.durable_exchange import DurableExchange
from client_sdk.simulation.exchange import Exchange
from protocols.errors import ConflictingReplay, PartiesDisagree, RecordsDiffer, RoundClosed, Unavailable
from protocols.masking.journal import MemoryJournal
from protocols.wire.messages import Join, Share
from protocols.wire.transport import Transport
from tests.conformance.parity.conftest import graph_model


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


def test_a_client_that_left_asks_no_server_for_public_numbers_that_its_journal_lacks(manifest_of):
    model = graph_model("closures")
    manifest = manifest_of(model=model, model_hash=model.digest, channels=model.contact_channels, engine=True)
    alone = DurableExchange(manifest, "client-0", [None, None], MemoryJournal())
    alone.leave()
    with pytest.raises(Unavailable, match="lacks what was public in step 1"):
        asyncio.run(alone.recall(1, 2))
    assert asyncio.run(alone.recall(4, 4)) == []


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


def test_a_client_of_which_each_aggregator_heard_another_start_is_away_in_that_round(manifest_of, operators_of, caplog):
    """The share of one start and that of the other would add up to what looks random."""
    manifest, journal, told = manifest_of([(1, 2), (3,)]), MemoryJournal(), []

    async def act():
        with operators_of(manifest) as operators:
            layout, (one, two) = operators.runs[0].layout, operators.transports("client-0")
            first = DurableExchange(manifest, "client-0", [Tap(one, told), Severed(two)], journal)
            copy = DurableExchange(manifest, "client-0", [one, two], MemoryJournal(dict(journal._entries)))
            other = Exchange(manifest, "client-1", operators.transports("client-1"))
            await asyncio.gather(first.join(), copy.join(), other.join())
            fives, sevens = (np.full(layout.d, number, dtype=np.uint64) for number in (5, 7))
            severed = asyncio.ensure_future(first.round(fives, step=0))
            while not told:
                await asyncio.sleep(0)
            alone = asyncio.ensure_future(other.round(sevens, step=0))
            with pytest.raises(ConflictingReplay, match="another start of client-0, or of a copy of its folder, has"):
                await copy.round(fives, step=0)
            with pytest.raises(Unavailable):
                await severed
            assert (await alone).release.tolist() == [7] * layout.release_words
            assert [run.last.members for run in operators.runs] == [("client-1",)] * 2
            assert caplog.text.count("two starts of a client in one round") == 2
            again = DurableExchange(manifest, "client-0", [one, two], journal)
            await again.join()
            with pytest.raises(RoundClosed, match="which not every aggregator has heard, or from another start; go on"):
                await again.round(fives, step=0)
            both = await asyncio.gather(again.round(fives, step=1), other.round(sevens, step=1))
            return [answer.release.tolist() == [12] * layout.release_words for answer in both]

    assert asyncio.run(act()) == [True, True]


class Says(Transport):
    """Changes in which round a client last counted, as one aggregator says it."""

    def __init__(self, inner, counted):
        self._inner, self._counted = inner, list(counted)

    async def call(self, request, *, timeout_s):
        reply = await self._inner.call(request, timeout_s=timeout_s)
        if isinstance(request, Join) and self._counted:
            reply = dataclasses.replace(reply, counted=self._counted.pop(0))
        return reply


@pytest.mark.parametrize("lies", [[None, 3], [None] + [3] * 1000], ids=["late", "lies"])
def test_what_one_aggregator_alone_says_of_counted_rounds_puts_no_client_out(
    lies, manifest_of, operators_of, monkeypatch
):
    """One that has closed a round before the other is asked again; where they differ for good, the run stops."""
    monkeypatch.setattr("client_sdk.simulation.exchange.patience_s", lambda manifest, step: 0.05)
    manifest = manifest_of([(1, 2)])

    async def act():
        with operators_of(manifest) as operators:
            one, two = operators.transports("client-0")
            return await DurableExchange(manifest, "client-0", [Says(one, lies), two], MemoryJournal()).join()

    if len(lies) == 2:
        assert asyncio.run(act()) == 0
        return
    with pytest.raises(PartiesDisagree, match="different things of the last round in which this client's share"):
        asyncio.run(act())
