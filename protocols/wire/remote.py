"""A transport over gRPC with mutual TLS 1.3."""

import json
import re
from typing import Any, Final, final

import grpc
from grpc import aio

from protocols.errors import LpmError, ProtocolError, Unavailable, error_of
from protocols.foreign_text import line_of
from protocols.identity.certificates import Credentials
from protocols.wire import codec
from protocols.wire.methods import LARGEST_CALL, METHOD_OF, METHODS, SERVICE
from protocols.wire.tls import require_tls13
from protocols.wire.transport import Transport

CODE: Final = "lpm-code"  # trailing metadata: the error's stable code
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
    """Calls one party over the network, with retry and backoff by gRPC itself.

    Security: TLS 1.3 in both directions. The other side must show a certificate of the run's authority for `name`.
    """

    def __init__(self, address: str, *, name: str, credentials: Credentials, max_bytes: int) -> None:
        """Reach the party `name` at `address`; the connection is made by the first call, in its event loop."""
        self._name, self._address = name, address
        self._credentials = credentials
        self._options = _options(name, address, max_bytes)
        self._channel: aio.Channel | None = None

    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Call, again while the other side is unavailable, for at most `timeout_s` in all."""
        method = METHOD_OF[type(request)]
        content = codec.encode(request)
        self.sent += len(content)
        try:
            call = self._connect().unary_unary(f"/{SERVICE}/{method}", None, None)
            reply = await call(content, timeout=timeout_s, wait_for_ready=True)
        except aio.AioRpcError as error:
            raise _error(error, self._name) from None
        self.received += len(reply)
        return codec.decode(METHODS[method][1], reply)

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close(None)

    def _connect(self) -> aio.Channel:
        if self._channel is None:
            require_tls13()
            own = self._credentials
            tls = grpc.ssl_channel_credentials(own.authority, own.private_key, own.certificate)
            self._channel = aio.secure_channel(self._address, tls, options=self._options)
        return self._channel


def _error(error: aio.AioRpcError, name: str) -> LpmError:
    trailing: dict[str, Any] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]
    details = line_of(error.details() or error.code().name)
    if code := trailing.get(CODE):
        return error_of(code if isinstance(code, str) else code.decode(), f"{name}: {details}")
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return Unavailable(f"{name} did not answer: {details}")
    return ProtocolError(f"{name} refused the call ({error.code().name}): {details}")
