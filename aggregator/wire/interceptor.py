"""Around every call: who calls and how often, what it cost, and errors as gRPC statuses with their stable codes."""

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from grpc import aio

from aggregator.metrics import Metrics
from aggregator.wire.callers import Callers
from protocols import errors
from protocols.wire.remote import CODE

CALLS_OF_ONE: Final = 8  # of one method, by one caller, at the same time
LOG: Final = logging.getLogger("aggregator")
STATUS: Final[dict[str, grpc.StatusCode]] = {
    errors.WireError.code: grpc.StatusCode.INVALID_ARGUMENT,
    errors.WrongLength.code: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotEnrolled.code: grpc.StatusCode.PERMISSION_DENIED,
    errors.Revoked.code: grpc.StatusCode.PERMISSION_DENIED,
    errors.ConflictingReplay.code: grpc.StatusCode.ALREADY_EXISTS,
    errors.Unavailable.code: grpc.StatusCode.UNAVAILABLE,
    errors.TooManyCalls.code: grpc.StatusCode.UNAVAILABLE,
}


def caller_of(context: Any) -> str:
    """Return the name in the certificate that TLS has verified."""
    names = context.auth_context().get("x509_common_name", [])
    if len(names) != 1:
        raise errors.NotEnrolled("the caller's certificate names nobody; make one with lpm keys")
    return str(names[0].decode())


def guard(
    name: str, behaviour: Callable[[bytes, str], Awaitable[bytes]], metrics: Metrics, callers: Callers
) -> Callable[[bytes, Any], Awaitable[bytes]]:
    """Wrap a call: the one place where an error becomes a status, a metric and a line in the log."""

    under_way: Counter[str] = Counter()

    async def limit(content: bytes, context: Any) -> bytes:
        caller = caller_of(context)
        callers.check(caller, context)
        most = CALLS_OF_ONE * callers.weight(caller)
        if under_way[caller] >= most:
            raise errors.TooManyCalls(f"{caller} has {most} calls of {name} under way; wait for their answers")
        under_way[caller] += 1
        try:
            return await behaviour(content, caller)
        finally:
            under_way[caller] -= 1
            if not under_way[caller]:
                del under_way[caller]

    async def call(content: bytes, context: "aio.ServicerContext[bytes, bytes]") -> bytes:
        started = time.perf_counter()
        metrics.received.labels(name).inc(len(content))
        try:
            with metrics.waiting.track_inprogress():
                reply = await limit(content, context)
        except errors.LpmError as error:
            metrics.refused.labels(name, error.code).inc()
            LOG.warning("refused", extra={"facts": {"method": name, "code": error.code, "reason": str(error)}})
            status = STATUS.get(error.code, grpc.StatusCode.FAILED_PRECONDITION)
            await context.abort(status, str(error), ((CODE, error.code),))
        except Exception:
            LOG.exception("failed", extra={"facts": {"method": name}})
            await context.abort(grpc.StatusCode.INTERNAL, "the aggregator failed; its log says why")
        metrics.calls.labels(name).inc()
        metrics.sent.labels(name).inc(len(reply))
        metrics.seconds.labels(name).observe(time.perf_counter() - started)
        return reply

    return call
