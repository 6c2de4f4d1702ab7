"""Every transport to an aggregator: the same answers, the same refusals, bounded waiting, and bytes counted."""

import asyncio
import contextlib
from typing import Any

import grpc
import numpy as np
import pytest
from grpc import aio

from aggregator import Store
from aggregator.metrics import Metrics
from aggregator.wire.access import Access
from aggregator.wire.callers import Callers
from aggregator.wire.gateway import Gateway, RunGateway
from aggregator.wire.servicer import handler
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import CohortTooSmall, LpmError, NotEnrolled, RoundClosed, Unavailable, WrongLength
from protocols.sealing.route import Route
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import run_id
from protocols.wire.local import LocalTransport
from protocols.wire.messages import Join, JoinReply, RoundResult, Share
from protocols.wire.remote import LONGEST_STREAMED, GrpcTransport
from protocols.wire.sealed_transport import SealedTransport

CLIENT, MAX_BYTES, SHORT_S, LONG_S = "client-0", 2**20, 0.2, 20.0
MAX_BYTES_ALONE = LONGEST_STREAMED + 1
WORDS = 1_000
NOTHING = np.zeros(0, dtype=np.uint64)


class Other:
    """The party that a transport reaches; it answers a share by the share itself.

    Attributes:
        refusal: raised in place of an answer.
        silent: no answer comes.
    """

    refusal: LpmError | None = None
    silent = False

    async def answer(self, caller: str, request: Any) -> object:
        assert caller == CLIENT
        if self.silent:
            await asyncio.sleep(3600)
        if self.refusal is not None:
            raise self.refusal
        if isinstance(request, Join):
            return JoinReply(7)
        return RoundResult(request.step, request.share, NOTHING, np.zeros(0, dtype=np.int64), 3)


@pytest.fixture(scope="module")
def party(manifest_of):
    """Return a manifest with pinned keys, and the keys."""
    return pin_keys(manifest_of())


def gateway(party, answer):
    """Return what opens sealed calls before it asks."""
    manifest, keys = party
    entrance = RunGateway(
        run_id(manifest), frozenset(Layout.of(manifest).own), keys.servers["aggregator-0"].sealing, {}
    )
    authorities = [keys.authority.certificate]
    door = Gateway(
        "aggregator-0", [entrance], answer, secrets=Store("sqlite://"), authorities=authorities, access=Access()
    )
    return door.answer


@contextlib.asynccontextmanager
async def over_grpc(party, answer, max_bytes=MAX_BYTES):
    """Serve on loopback over mutual TLS, and yield a transport."""
    manifest, keys = party
    own, server = keys.credentials["aggregator-0"], aio.server()
    server.add_generic_rpc_handlers((handler(answer, Metrics(), Callers([manifest], calls_per_s=1e6)),))
    pair = [(own.private_key, own.certificate)]
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials(pair, own.authority, require_client_auth=True)
    )
    await server.start()
    credentials = keys.authority.issue(CLIENT)
    transport = GrpcTransport(f"127.0.0.1:{port}", name="aggregator-0", credentials=credentials, max_bytes=max_bytes)
    try:
        yield transport
    finally:
        await transport.close()
        await server.stop(None)


def each_alone(party, answer):
    """Serve as `over_grpc` does, to a transport that makes each call by itself."""
    return over_grpc(party, answer, MAX_BYTES_ALONE)


@contextlib.asynccontextmanager
async def in_process(party, answer):
    """Yield a transport without a network."""
    yield LocalTransport(answer, caller=CLIENT)


def sealed(over):
    """Return what seals over another transport."""

    @contextlib.asynccontextmanager
    async def both(party, answer):
        manifest, keys = party
        route, key = (
            Route(manifests.run_id(manifest), CLIENT, "aggregator-0"),
            manifest.trust.keys["aggregator-0"].sealing,
        )
        async with over(party, gateway(party, answer)) as inner:
            yield SealedTransport(inner, route=route, key=key, credentials=keys.authority.issue(CLIENT))

    return both


TRANSPORTS = {
    "local": in_process,
    "grpc": over_grpc,
    "grpc, each call by itself": each_alone,
    "sealed over local": sealed(in_process),
    "sealed over grpc": sealed(over_grpc),
}


@pytest.fixture(params=TRANSPORTS)
def during(request, party):
    """Return a function that lets something happen over a transport to a party, after the client has joined."""

    def _during(act):
        async def body():
            other = Other()
            async with TRANSPORTS[request.param](party, other.answer) as transport:
                joined = await transport.call(Join(manifests.run_id(party[0]), bytes(32)), timeout_s=LONG_S)
                assert joined == JoinReply(7)
                return await act(transport, other)

        return asyncio.run(body())

    return _during


@pytest.fixture
def share(party):
    """Return a function that makes the share of a step, of words that differ from step to step."""

    def _share(step):
        return Share(
            manifests.run_id(party[0]), step, np.arange(WORDS, dtype=np.uint64) + np.uint64(step << 40), start=bytes(16)
        )

    return _share


def test_a_share_arrives_as_it_was_sent_and_so_does_the_reply(during, share):
    reply = during(lambda transport, other: transport.call(share(3), timeout_s=LONG_S))
    assert (reply.step, reply.members) == (3, 3)
    np.testing.assert_array_equal(reply.own, share(3).share)


def test_calls_at_the_same_time_get_each_its_own_answer(during, share):
    async def act(transport, other):
        return await asyncio.gather(*(transport.call(share(step), timeout_s=LONG_S) for step in range(6)))

    for step, reply in enumerate(during(act)):
        assert reply.step == step
        np.testing.assert_array_equal(reply.own, share(step).share)


@pytest.mark.parametrize(
    "refusal", [RoundClosed, NotEnrolled, WrongLength, CohortTooSmall], ids=lambda kind: kind.__name__
)
def test_a_refusal_is_the_error_that_the_party_raised_and_the_next_call_is_answered(during, share, refusal):
    async def act(transport, other):
        other.refusal = refusal("as the test has it")
        with pytest.raises(refusal, match="as the test has it"):
            await transport.call(share(1), timeout_s=LONG_S)
        other.refusal = None
        return await transport.call(share(2), timeout_s=LONG_S)

    assert during(act).step == 2


def test_a_party_that_is_silent_is_waited_for_no_longer_than_the_call_says(during, share):
    async def act(transport, other):
        other.silent = True
        async with asyncio.timeout(LONG_S):
            with pytest.raises(Unavailable):
                await transport.call(share(1), timeout_s=SHORT_S)
        other.silent = False
        return await transport.call(share(2), timeout_s=LONG_S)

    assert during(act).step == 2


def test_bytes_of_messages_are_counted_in_both_directions(during, share):
    async def act(transport, other):
        before = transport.sent, transport.received
        await transport.call(share(1), timeout_s=LONG_S)
        return transport.sent - before[0], transport.received - before[1]

    for count in during(act):
        assert 8 * WORDS < count < 8 * WORDS + 500


def test_what_a_message_cannot_be_is_sent_to_nobody(during):
    async def act(transport, other):
        with pytest.raises(KeyError):
            await transport.call("no message", timeout_s=LONG_S)

    during(act)
