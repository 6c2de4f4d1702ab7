"""Decode, ask, encode. No rule lives here."""

from collections.abc import Awaitable, Callable

import grpc

from aggregator.metrics import Metrics
from aggregator.wire.callers import Callers
from aggregator.wire.conversation import Conversations
from aggregator.wire.gateway import CallHandler
from aggregator.wire.interceptor import guard
from protocols.wire import codec
from protocols.wire.call_stream import CONVERSE
from protocols.wire.methods import METHODS, SERVICE

Behaviour = Callable[[bytes, str], Awaitable[bytes]]


def handler(
    answer: CallHandler, metrics: Metrics, callers: Callers, conversations: Conversations | None = None
) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """Return the gRPC service of an aggregator; its calls take and give bytes, which the codec checks."""
    methods = {name: guard(name, _behaviour(answer, kind), metrics, callers) for name, (kind, _) in METHODS.items()}
    converse = (conversations or Conversations()).serving(methods, callers)
    alone = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    streamed = {CONVERSE: grpc.stream_stream_rpc_method_handler(converse)}
    return grpc.method_handlers_generic_handler(SERVICE, {**alone, **streamed})


def _behaviour(answer: CallHandler, kind: type) -> Behaviour:
    async def behaviour(content: bytes, caller: str) -> bytes:
        return codec.encode(await answer(caller, codec.decode(kind, content)))

    return behaviour
