"""Calls over one stream: each by itself, let go of, made again, and bounded, over real gRPC."""

import asyncio
import contextlib

import grpc
import msgspec
import pytest
from grpc import aio

from aggregator.metrics import Metrics
from aggregator.wire.callers import Callers
from aggregator.wire.conversation import SLOTS, STREAMS_OF_ONE, Conversations
from aggregator.wire.endpoint import ServedPort
from aggregator.wire.interceptor import CALLS_OF_ONE
from aggregator.wire.servicer import handler
from lpm_secure.testbed.deployment import free_addresses
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import NotEnrolled, ProtocolError, TooManyCalls, Unavailable, WireError
from protocols.task.parties import ClientParty
from protocols.wire import codec
from protocols.wire.call_stream import EOF
from protocols.wire.messages import Join, JoinReply, StreamedAnswer, StreamedCall
from protocols.wire.remote import CODE, GrpcTransport

CLIENT, MAX_BYTES, SHORT_S, LONG_S = "client-0", 2**20, 0.2, 20.0
FLOOD = 5_000  # calls, whose long answers do not fit into what gRPC holds
JOIN = Join(bytes(32), b"")


class Party:
    """Answers joins in their order: with `held`, when it lets go of them; counts those that are under way."""

    def __init__(self):
        self.callers, self.under_way, self.most, self.held = [], 0, 0, asyncio.Event()
        self.public = ()
        self.held.set()

    async def answer(self, caller, request):
        self.callers.append(caller)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.held.wait()
        finally:
            self.under_way -= 1
        return JoinReply(len(self.callers), self.public)

    async def until(self, under_way):
        async with asyncio.timeout(LONG_S):
            while self.under_way != under_way:
                await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def keys(manifest_of):
    """Return a manifest with pinned keys, and the keys."""
    return pin_keys(manifest_of())


def served(keys, act, *, party=CLIENT, theirs=None, callers=None):
    """Serve on loopback, let something happen with a way to the server, and return what comes of it."""
    (manifest, each), (address,) = keys, free_addresses(1)
    own, theirs = each.credentials["aggregator-0"], theirs or each.authority.issue(party)

    async def start(answer):
        server, conversations = aio.server(options=[("grpc.max_receive_message_length", MAX_BYTES)]), Conversations()
        answered = handler(answer, Metrics(), callers or Callers([manifest], calls_per_s=1e6), conversations)
        server.add_generic_rpc_handlers((answered,))
        pair = [(own.private_key, own.certificate)]
        server.add_secure_port(address, grpc.ssl_server_credentials(pair, own.authority, require_client_auth=True))
        await server.start()
        return ServedPort(server, conversations, asyncio.create_task(asyncio.sleep(0)))

    async def body():
        other = Party()
        endpoint = [await start(other.answer)]
        transport = GrpcTransport(address, name="aggregator-0", credentials=theirs, max_bytes=MAX_BYTES)

        async def again(grace_s=0.0):
            await endpoint[0].stop(grace_s)
            endpoint[0] = await start(other.answer)

        try:
            return await act(transport, other, again)
        finally:
            await transport.close()
            await endpoint[0].stop(0.0)

    return asyncio.run(body())


@contextlib.asynccontextmanager
async def raw(transport):
    """Yield a stream to a server, for frames that no transport sends, and what reads the next answer."""
    stream = transport._begin()

    async def read():
        content = await stream.read()
        return content if content is EOF else codec.decode(StreamedAnswer, content)

    try:
        yield stream, read
    finally:
        stream.cancel()


def frame(number, method="Join", content=None):
    return codec.encode(StreamedCall(number, method, codec.encode(JOIN) if content is None else content))


def test_calls_at_the_same_time_take_one_stream_and_one_that_waits_holds_no_other_one_up(keys):
    async def act(transport, other, again):
        other.held.clear()
        waiting = asyncio.ensure_future(transport.call(JOIN, timeout_s=LONG_S))
        await other.until(1)
        other.held = asyncio.Event()
        other.held.set()
        second = await transport.call(JOIN, timeout_s=LONG_S)
        waiting.cancel()
        return second, other.callers

    assert served(keys, act) == (JoinReply(2), [CLIENT, CLIENT])


def test_a_call_whose_caller_waits_no_longer_is_let_go_of_at_the_server(keys):
    async def act(transport, other, again):
        other.held.clear()
        for _ in range(3 * CALLS_OF_ONE):  # more than may be under way
            with pytest.raises(Unavailable):
                await transport.call(JOIN, timeout_s=SHORT_S / 4)
        await other.until(0)
        other.held.set()
        return await transport.call(JOIN, timeout_s=LONG_S), other.most

    reply, most = served(keys, act)
    assert isinstance(reply, JoinReply)
    assert most <= CALLS_OF_ONE


def test_a_call_that_a_server_took_with_it_is_made_again_when_it_is_back(keys):
    async def act(transport, other, again):
        await transport.call(JOIN, timeout_s=LONG_S)  # from the first answer on gRPC makes nothing again by itself
        other.held.clear()
        waiting = asyncio.ensure_future(transport.call(JOIN, timeout_s=LONG_S))
        await other.until(1)
        await again()
        other.held.set()
        return await waiting, other.callers

    assert served(keys, act) == (JoinReply(3), [CLIENT] * 3)


def test_a_stream_carries_any_number_of_calls_one_after_the_other(keys):
    async def act(transport, other, again):
        return [(await transport.call(JOIN, timeout_s=LONG_S)).step for _ in range(4 * CALLS_OF_ONE)]

    assert served(keys, act) == [*range(1, 4 * CALLS_OF_ONE + 1)]


def test_calls_of_a_caller_that_goes_away_are_let_go_of(keys):
    async def act(transport, other, again):
        other.held.clear()
        async with raw(transport) as (stream, _):
            for number in range(3):
                await stream.write(frame(number))
            await other.until(3)
        await other.until(0)
        return len(other.callers)

    assert served(keys, act) == 3


def test_more_calls_than_one_party_may_have_under_way_are_refused_each_by_itself(keys):
    async def act(transport, other, again):
        other.held.clear()
        async with raw(transport) as (stream, read):
            for number in range(CALLS_OF_ONE + 1):
                await stream.write(frame(number))
            refused = await read()
            other.held.set()
            answered = [await read() for _ in range(CALLS_OF_ONE)]
        return refused, answered

    refused, answered = served(keys, act)
    assert (refused.number, refused.code) == (CALLS_OF_ONE, TooManyCalls.code)
    assert {each.status for each in answered} == {0}
    assert {each.number for each in answered} == {*range(CALLS_OF_ONE)}


def test_of_a_caller_that_reads_no_answer_no_more_calls_are_read(keys):
    async def act(transport, other, again):
        other.public = (1,) * 2**13
        async with raw(transport) as (stream, _):
            for number in range(FLOOD):
                write = asyncio.ensure_future(stream.write(frame(number)))
                if not (await asyncio.wait([write], timeout=SHORT_S))[0]:
                    break
            await asyncio.sleep(SHORT_S)
            assert len(other.callers) < FLOOD / 2
        other.public = ()
        return (await transport.call(JOIN, timeout_s=LONG_S)).public

    assert served(keys, act) == ()


def test_a_stream_has_room_for_the_clients_of_a_run_that_began_after_it(keys):
    manifest, each = keys
    callers = Callers([manifest], calls_per_s=1e6)
    relayed = (SLOTS + 1) * CALLS_OF_ONE * (len(manifest.clients) + 1)

    async def act(transport, other, again):
        await transport.call(JOIN, timeout_s=LONG_S)
        more = tuple(ClientParty(f"client-{number}", (number,)) for number in range(relayed))
        callers.add(msgspec.structs.replace(manifest, clients=more))
        other.held.clear()
        waiting = [asyncio.ensure_future(transport.call(JOIN, timeout_s=LONG_S)) for _ in range(relayed)]
        await other.until(relayed)  # as shares are, until a round closes
        other.held.set()
        return len(await asyncio.gather(*waiting))

    assert served(keys, act, theirs=each.credentials["aggregator-1"], callers=callers) == relayed


def test_what_names_no_method_is_refused_and_the_stream_goes_on(keys):
    async def act(transport, other, again):
        async with raw(transport) as (stream, read):
            await stream.write(frame(0, "None"))
            await stream.write(frame(1))
            return await read(), await read()

    unknown, known = served(keys, act)
    assert unknown.status == grpc.StatusCode.UNIMPLEMENTED.value[0]
    assert codec.decode(JoinReply, known.content) == JoinReply(1)


@pytest.mark.parametrize("content", [b"\xff\xff\xff", frame(1) + b"\x78\x01"])
def test_bytes_that_are_no_call_end_the_stream(keys, content):
    async def act(transport, other, again):
        async with raw(transport) as (stream, read):
            await stream.write(content)
            with contextlib.suppress(aio.AioRpcError):
                assert await read() is EOF
            ended = await stream.code(), dict(await stream.trailing_metadata())[CODE]
        return ended, await transport.call(JOIN, timeout_s=LONG_S)

    ended, reply = served(keys, act)
    assert ended == (grpc.StatusCode.INVALID_ARGUMENT, WireError.code)
    assert reply == JoinReply(1)


def test_two_calls_of_one_number_end_the_stream(keys):
    async def act(transport, other, again):
        other.held.clear()
        async with raw(transport) as (stream, read):
            await stream.write(frame(1))
            await stream.write(frame(1))
            with contextlib.suppress(aio.AioRpcError):
                assert await read() is EOF
            return await stream.code()

    assert served(keys, act) == grpc.StatusCode.INVALID_ARGUMENT


def test_whoever_has_an_aggregators_name_and_not_its_key_is_refused(keys):
    async def act(transport, other, again):
        with pytest.raises(NotEnrolled, match="not the one that the manifest pins"):
            await transport.call(JOIN, timeout_s=LONG_S)
        return other.callers

    assert served(keys, act, party="aggregator-1") == []


def test_a_call_that_is_too_long_is_refused_and_no_other_one_with_it(keys):
    async def act(transport, other, again):
        other.held.clear()
        waiting = asyncio.ensure_future(transport.call(JOIN, timeout_s=LONG_S))
        await other.until(1)
        with pytest.raises(ProtocolError, match="RESOURCE_EXHAUSTED"):
            await transport.call(Join(bytes(MAX_BYTES), b""), timeout_s=LONG_S)
        other.held.set()
        return await waiting

    assert served(keys, act) == JoinReply(1)


def test_a_server_that_stops_waits_for_no_idle_stream(keys):
    async def act(transport, other, again):
        await transport.call(JOIN, timeout_s=LONG_S)
        async with asyncio.timeout(LONG_S):
            await again(100 * LONG_S)
        return await transport.call(JOIN, timeout_s=LONG_S)

    assert served(keys, act) == JoinReply(2)


def test_of_one_callers_streams_the_oldest_end_and_those_of_others_go_on(keys):
    async def act(transport, other, again):
        await transport.call(JOIN, timeout_s=LONG_S)
        credentials = keys[1].authority.issue("client-1")
        many = GrpcTransport(transport._address, name="aggregator-0", credentials=credentials, max_bytes=MAX_BYTES)
        streams = []
        for number in range(STREAMS_OF_ONE + 2):
            streams.append(many._begin())
            await streams[-1].write(frame(number))
            await streams[-1].read()
        async with asyncio.timeout(LONG_S):
            ended = [await stream.read() for stream in streams[:2]]
        left = []
        for stream in (streams[2], streams[-1]):
            await stream.write(frame(len(streams)))
            left.append(codec.decode(StreamedAnswer, await stream.read()).status)
        await many.close()
        other.held.clear()
        waiting = asyncio.ensure_future(transport.call(JOIN, timeout_s=LONG_S))
        await other.until(1)
        other.held.set()
        await waiting
        return ended, left, other.callers.count(CLIENT)

    assert served(keys, act) == ([EOF, EOF], [0, 0], 2)


def test_a_stream_whose_answer_cannot_be_written_ends(keys):
    async def act(transport, other, again):
        async def answer(caller, request):
            raise WireError("\udcff")  # no text of a message

        other.answer = answer
        await again()
        async with raw(transport) as (stream, read), asyncio.timeout(LONG_S):
            await stream.write(frame(0))
            return await read()

    assert served(keys, act) is EOF
