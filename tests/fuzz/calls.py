"""A servicer in this process that keeps its state from call to call: two aggregators' runs, doors and guards."""

import asyncio
import atexit

import grpc
from targets import manifest_of

from aggregator import Aggregator, Run, Store
from aggregator.metrics import Metrics
from aggregator.wire.access import Access
from aggregator.wire.callers import Callers
from aggregator.wire.gateway import Gateway, RunGateway
from aggregator.wire.interceptor import guard
from aggregator.wire.remote_peer import RemotePeer
from aggregator.wire.servicer import _behaviour
from lpm_secure.testbed.keys import pin_keys
from protocols.sealing.messages import SealedRequest
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import run_id
from protocols.wire import codec
from protocols.wire.local import LocalTransport
from protocols.wire.messages import Join
from protocols.wire.methods import METHODS
from protocols.wire.sealed_transport import pack

TURNS = 12  # of the event loop, for one call
ME = 1
CALLERS = ("client-0", "client-1", "engine", "aggregator-0", "aggregator-1", "stranger")
LOOP = asyncio.new_event_loop()
atexit.register(LOOP.close)


class Aborted(Exception):
    """How gRPC ends a call that was refused."""


class Context:
    """What TLS says of the caller."""

    def __init__(self, caller):
        self._caller = caller

    def auth_context(self):
        given = {"x509_common_name": [self._caller.encode()]}
        if self._caller in KEYS.credentials:
            given["x509_pem_cert"] = [KEYS.credentials[self._caller].certificate]
        return given

    async def abort(self, status, details, trailing=()):
        assert status is not grpc.StatusCode.INTERNAL, details
        raise Aborted(details)


async def _silent(caller, request):
    await asyncio.sleep(3600)


async def _served():
    """Return what answers each method: the last aggregator, whose peer says nothing."""
    names = [party.name for party in MANIFEST.aggregators]
    store = Store("sqlite://")
    peer = RemotePeer(LocalTransport(_silent, caller=names[ME]), 3600.0)
    run = Run(MANIFEST, ME, store, [peer])
    gateway = Gateway(
        names[ME],
        [
            RunGateway(
                run_id(MANIFEST), frozenset(Layout.of(MANIFEST).own), KEYS.servers[names[ME]].sealing, {names[0]: peer}
            )
        ],
        Aggregator({run.id: run}).answer,
        secrets=store,
        authorities=[KEYS.authority.certificate],
        access=Access(),
    )
    store.save_secret(run.id, "client-0", bytes(32))
    again = Gateway(
        names[ME],
        [
            RunGateway(
                run_id(MANIFEST), frozenset(Layout.of(MANIFEST).own), KEYS.servers[names[ME]].sealing, {names[0]: peer}
            )
        ],
        Aggregator({run.id: run}).answer,
        secrets=store,
        authorities=[KEYS.authority.certificate],
        access=Access(),
    )
    assert gateway is not again
    run.join("client-0", Join(run.id, b""))
    callers, metrics = Callers([MANIFEST], calls_per_s=1e6), Metrics()
    return {name: guard(name, _behaviour(again.answer, kind), metrics, callers) for name, (kind, _) in METHODS.items()}


MANIFEST, KEYS = pin_keys(manifest_of())
RUN = manifests.run_id(MANIFEST)
SESSION = SealedSession.of(Route(RUN, "client-0", "aggregator-1"), bytes(32))
ANSWERS = LOOP.run_until_complete(_served())


def content_of(data):
    """Return bytes of a call: raw, with this run's id in front, or sealed as client-0 would seal them."""
    how, rest = data[0] % 3, data[1:]
    if how == 1:
        return b"\x0a\x20" + RUN + rest
    if how == 2:
        counter = len(rest)
        inner = bytes([rest[0] % 3]) + b"\x0a\x20" + RUN + rest[1:] if rest else pack(Join(RUN, b""))
        body = SESSION.seal_request(inner, counter=counter)
        return codec.encode(SealedRequest(RUN, "aggregator-1", "client-0", None, counter, body))
    return rest


def call(data):
    """Make one call: the first byte names caller and method, the second the form; give it a few turns, and cancel."""
    if len(data) < 2:
        return
    method = list(METHODS)[data[0] % len(METHODS)]
    caller = CALLERS[data[0] // len(METHODS) % len(CALLERS)]
    content = content_of(data[1:])
    method = "Sealed" if data[1] % 3 == 2 else method

    async def one():
        task = asyncio.ensure_future(ANSWERS[method](content, Context(caller)))
        for _ in range(TURNS):
            await asyncio.sleep(0)
            if task.done():
                break
        task.cancel()
        try:
            await task
        except (Aborted, asyncio.CancelledError):
            return

    LOOP.run_until_complete(one())
