"""Decode, ask, encode. No rule lives here."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc import aio

from aggregator.metrics import Metrics
from aggregator.wire.callers import Callers
from aggregator.wire.gateway import CallHandler
from aggregator.wire.interceptor import caller_of, guard
from protocols.wire import codec
from protocols.wire.methods import METHODS, SERVICE

Behaviour = Callable[[bytes, Any], Awaitable[bytes]]


def handler(answer: CallHandler, metrics: Metrics, callers: Callers) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """Return the gRPC service of an aggregator; its calls take and give bytes, which the codec checks."""
    methods = {name: guard(name, _behaviour(answer, kind), metrics, callers) for name, (kind, _) in METHODS.items()}
    return grpc.method_handlers_generic_handler(
        SERVICE, {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    )


def _behaviour(answer: CallHandler, kind: type) -> Behaviour:
    async def behaviour(content: bytes, context: "aio.ServicerContext[bytes, bytes]") -> bytes:
        return codec.encode(await answer(caller_of(context), codec.decode(kind, content)))

    return behaviour
