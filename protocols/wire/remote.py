"""A transport over gRPC with mutual TLS 1.3."""

import asyncio
import json
import re
from typing import Any, Final, final

import grpc
from grpc import aio

from protocols.errors import LpmError, ProtocolError, Unavailable, error_of
from protocols.foreign_text import line_of
from protocols.identity.certificates import Credentials
from protocols.wire import codec
from protocols.wire.call_stream import CONVERSE, CallStream, Stream
from protocols.wire.methods import LARGEST_CALL, METHOD_OF, METHODS, SERVICE
from protocols.wire.tls import require_tls13
from protocols.wire.transport import Transport

CODE: Final = "lpm-code"  # trailing metadata: the error's stable code
LONGEST_STREAMED: Final = 2**22  # bytes: runs whose calls may be longer make each by itself, lest one holds others up
RETRY: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{"service": SERVICE}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.2s",
                    "maxBackoff": "3s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ]
    }
)


LOOPBACK: Final = re.compile(r"(localhost|127\.[0-9.]+|\[::1\]):[0-9]+")


def _options(name: str, address: str, max_bytes: int) -> list[tuple[str, Any]]:
    return [
        ("grpc.enable_http_proxy", int(not LOOPBACK.fullmatch(address))),  # no proxy knows this machine's own servers
        ("grpc.ssl_target_name_override", name),
        ("grpc.max_send_message_length", max_bytes),
        ("grpc.max_receive_message_length", max_bytes),
        ("grpc.service_config", RETRY),
        ("grpc.per_rpc_retry_buffer_size", min(2 * max_bytes, LARGEST_CALL)),
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.initial_reconnect_backoff_ms", 200),
    ]


@final
class GrpcTransport(Transport):
    """Calls one party over the network, again where it is unavailable: over one stream, or each call by itself.

    Security: TLS 1.3 in both directions. The other side must show a certificate of the run's authority for `name`.
    """

    def __init__(self, address: str, *, name: str, credentials: Credentials, max_bytes: int) -> None:
        """Reach the party `name` at `address`; the connection is made by the first call, in its event loop."""
        self._name, self._address = name, address
        self._credentials, self._max_bytes = credentials, max_bytes
        self._options = _options(name, address, max_bytes)
        self._channel: aio.Channel | None = None
        self._stream = CallStream(self._begin) if max_bytes <= LONGEST_STREAMED else None

    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Call, again while the other side is unavailable, for at most `timeout_s` in all."""
        method = METHOD_OF[type(request)]
        content = codec.encode(request)
        self.sent += len(content)
        try:
            if self._stream is None:
                reply = await self._call_alone(method, content, timeout_s)
            else:
                reply = await self._call_over(self._stream, method, content, timeout_s=timeout_s)
        except aio.AioRpcError as error:
            raise _error(error, self._name) from None
        self.received += len(reply)
        return codec.decode(METHODS[method][1], reply)

    async def _call_alone(self, method: str, content: bytes, timeout_s: float) -> bytes:
        call = self._connect().unary_unary(f"/{SERVICE}/{method}", None, None)
        reply: bytes = await call(content, timeout=timeout_s, wait_for_ready=True)
        return reply

    async def _call_over(self, stream: CallStream, method: str, content: bytes, *, timeout_s: float) -> bytes:
        if len(content) > self._max_bytes:  # which would end the stream, and other calls with it
            raise _rpc_error(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], "the call is larger than the run's largest")
        try:
            async with asyncio.timeout(timeout_s):
                answer = await stream.call(method, content)
        except TimeoutError:
            raise _rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED.value[0], "Deadline Exceeded") from None
        if answer.status:
            raise _rpc_error(answer.status, answer.details, answer.code)
        return answer.content

    def _begin(self) -> Stream:
        converse: Any = self._connect().stream_stream(f"/{SERVICE}/{CONVERSE}", None, None)
        return converse(wait_for_ready=True)

    async def close(self) -> None:
        """Close the connection."""
        if self._stream is not None:
            await self._stream.close()
        if self._channel is not None:
            await self._channel.close(None)

    def _connect(self) -> aio.Channel:
        if self._channel is None:
            require_tls13()
            own = self._credentials
            tls = grpc.ssl_channel_credentials(own.authority, own.private_key, own.certificate)
            self._channel = aio.secure_channel(self._address, tls, options=self._options)
        return self._channel


def _rpc_error(status: int, details: str, code: str = "") -> aio.AioRpcError:
    """Return the error of a call of a stream as gRPC has it of one by itself; a status that is none is unknown."""
    known = next((each for each in grpc.StatusCode if each.value[0] == status), grpc.StatusCode.UNKNOWN)
    trailing = aio.Metadata(*([(CODE, code)] if code else []))
    return aio.AioRpcError(known, aio.Metadata(), trailing, details, None)


def _error(error: aio.AioRpcError, name: str) -> LpmError:
    trailing: dict[str, Any] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]
    details = line_of(error.details() or error.code().name)
    if code := trailing.get(CODE):
        return error_of(code if isinstance(code, str) else code.decode(), f"{name}: {details}")
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return Unavailable(f"{name} did not answer: {details}")
    return ProtocolError(f"{name} refused the call ({error.code().name}): {details}")
