"""Decode, ask, encode. No rule lives here."""

from collections.abc import Awaitable, Callable

import grpc

from aggregator.metrics import Metrics
from aggregator.wire.callers import Callers
from aggregator.wire.gateway import CallHandler
from aggregator.wire.interceptor import guard
from protocols.wire import codec
from protocols.wire.methods import METHODS, SERVICE

Behaviour = Callable[[bytes, str], Awaitable[bytes]]


def handler(answer: CallHandler, metrics: Metrics, callers: Callers) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """Return the gRPC service of an aggregator; its calls take and give bytes, which the codec checks."""
    methods = {name: guard(name, _behaviour(answer, kind), metrics, callers) for name, (kind, _) in METHODS.items()}
    return grpc.method_handlers_generic_handler(
        SERVICE, {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    )


def _behaviour(answer: CallHandler, kind: type) -> Behaviour:
    async def behaviour(content: bytes, caller: str) -> bytes:
        return codec.encode(await answer(caller, codec.decode(kind, content)))

    return behaviour
