"""The port of one server process: gRPC over mutual TLS 1.3, with bounds on calls, until it is told to stop."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, final

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from aggregator.metrics import Metrics
from aggregator.wire.callers import Callers
from aggregator.wire.conversation import Conversations
from aggregator.wire.gateway import CallHandler
from aggregator.wire.servicer import handler
from protocols.errors import ConfigError
from protocols.identity.certificates import Credentials
from protocols.wire.methods import SERVICE
from protocols.wire.tls import require_tls13

LOG: Final = logging.getLogger("aggregator")
SWITCH_S: Final = 5e-4  # a thread that computes keeps one that has heard from disk or network waiting no longer
MAX_CALLS: Final = 10_000  # at the same time


@final
@dataclass(frozen=True, slots=True)
class ServedPort:
    """A port that is served."""

    server: aio.Server = field(repr=False)
    conversations: Conversations = field(repr=False)
    health: "asyncio.Task[None]" = field(repr=False)  # says SERVING when the server is ready

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and let those that are answered now end within so long."""
        self.health.cancel()
        self.conversations.stop()
        await self.server.stop(grace_s)


async def open_endpoint(
    listen: str,
    credentials: Credentials,
    answer: CallHandler,
    *,
    metrics: Metrics,
    callers: Callers,
    max_bytes: int,
    max_calls: int = MAX_CALLS,
    ready: Callable[[], Coroutine[None, None, None]] | None = None,
) -> ServedPort:
    """Return a port that answers calls on an address.

    Args:
        listen: host and port.
        credentials: of the server.
        answer: takes a caller's name and a decoded message.
        metrics: that calls are counted in.
        callers: who may call how often; those of runs that come later may join them.
        max_bytes: of a call.
        max_calls: at the same time.
        ready: when it is done, whoever asks for the server's health is told SERVING; at once without it.

    Raises:
        ConfigError: the address cannot be bound.
    """
    require_tls13()
    server = aio.server(
        maximum_concurrent_rpcs=max_calls,
        options=[
            ("grpc.max_receive_message_length", max_bytes),
            ("grpc.max_send_message_length", max_bytes),
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_permit_without_calls", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.max_metadata_size", 8_192),
        ],
    )
    conversations = Conversations()
    server.add_generic_rpc_handlers((handler(answer, metrics, callers, conversations),))
    pair = [(credentials.private_key, credentials.certificate)]
    tls = grpc.ssl_server_credentials(pair, credentials.authority, require_client_auth=True)
    try:
        server.add_secure_port(listen, tls)
    except RuntimeError as error:
        raise ConfigError(f"cannot listen on {listen}: {error}; is the port free?") from error
    state = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    await state.set(SERVICE, health_pb2.HealthCheckResponse.NOT_SERVING)
    await server.start()
    health = asyncio.create_task(_serve_when(ready, state))
    gc.collect()
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()  # what is loaded by now stays: no step waits until it was looked through for garbage
    return ServedPort(server, conversations, health)


async def _serve_when(ready: Callable[[], Coroutine[None, None, None]] | None, state: HealthServicer) -> None:
    try:
        if ready is not None:
            await ready()
    except Exception:  # whatever does not load: nobody else would hear of it
        LOG.exception("cannot compute, and is not ready to serve; start it again when that is mended")
        return
    await state.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)


async def wait_for_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
