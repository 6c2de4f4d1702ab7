"""Calls over one stream, many at the same time: a call by itself takes gRPC twice the time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, final

import grpc
from grpc import aio

from protocols.errors import WireError
from protocols.wire import codec
from protocols.wire.messages import StreamedAnswer, StreamedCall

CONVERSE: Final = "Converse"
AGAIN_S: Final = (0.2, 0.4, 0.8, 1.6)  # waits before a call is made again, as gRPC does with one by itself
AGAIN: Final = tuple(each.value[0] for each in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED))
EOF: Final[object] = aio.EOF  # type: ignore[attr-defined]
BROKEN: Final = (  # how a stream ends where the other side is gone: a write that fails finds out as INTERNAL
    grpc.StatusCode.OK,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
)
CLOSE_S: Final = 0.5
Frames = asyncio.Queue[StreamedCall | None]  # until there are no more
Stream = Any  # grpc's types know no stream that is read and written as it comes


@final
class CallStream:
    """One stream to a party, which is opened by the first call, and again where it broke off.

    A call whose answer the stream has lost is made again: calls are idempotent.
    """

    def __init__(self, begin: Callable[[], Stream]) -> None:
        """Open nothing; `begin` does, and waits until there is a connection."""
        self._begin, self._number = begin, 0
        self._waiting: dict[int, asyncio.Future[StreamedAnswer]] = {}
        self._frames: Frames = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None

    async def call(self, method: str, content: bytes) -> StreamedAnswer:
        """Return the answer to a call, which is made again while the other side is unavailable, some times."""
        for wait_s in AGAIN_S:
            answer = await self._ask(method, content)
            if answer.status not in AGAIN:
                return answer
            await asyncio.sleep(wait_s)
        return await self._ask(method, content)

    async def close(self) -> None:
        """End the stream, and wait until the other side has, for a moment; who waits is told so."""
        if (running := self._running) is not None:
            self._frames.put_nowait(None)
            if not (await asyncio.wait([running], timeout=CLOSE_S))[0]:
                running.cancel()
                await asyncio.wait([running])

    async def _ask(self, method: str, content: bytes) -> StreamedAnswer:
        self._number += 1
        number = self._number
        answer: asyncio.Future[StreamedAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._send(StreamedCall(number, method, content))
        try:
            return await answer
        finally:
            if self._waiting.pop(number, None) is not None and self._running is not None:
                self._frames.put_nowait(StreamedCall(number, ""))

    def _send(self, frame: StreamedCall) -> None:
        if self._running is None:
            self._frames = asyncio.Queue()
            self._running = asyncio.ensure_future(self._run(self._frames))
        self._frames.put_nowait(frame)

    async def _run(self, frames: Frames) -> None:
        """Hand answers out until the stream breaks off, and tell all that wait then why it did."""
        stream = self._begin()
        self._writing = asyncio.ensure_future(_write(stream, frames))
        status, details = grpc.StatusCode.UNAVAILABLE, "the stream of calls broke off"
        try:
            while (content := await stream.read()) is not EOF:
                answer = codec.decode(StreamedAnswer, content)
                if (waiting := self._waiting.pop(answer.number, None)) is not None and not waiting.done():
                    waiting.set_result(answer)
            status, details = await stream.code(), await stream.details()
        except aio.AioRpcError as error:
            status, details = error.code(), error.details() or details
        except WireError as error:
            status, details = grpc.StatusCode.DATA_LOSS, str(error)
        finally:
            self._running = None
            frames.put_nowait(None)
            stream.cancel()  # ends a write that is under way
            lost, self._waiting = self._waiting, {}
            for number, each in lost.items():
                if not each.done():
                    each.set_result(StreamedAnswer(number, status=_failure(status), details=details))


def _failure(status: grpc.StatusCode) -> int:
    """Return the status of calls that a stream has left without an answer: unavailable, unless it was refused."""
    number: int = (grpc.StatusCode.UNAVAILABLE if status in BROKEN else status).value[0]
    return number


async def _write(stream: Stream, frames: Frames) -> None:
    """Write frames down, one after the other; that the stream broke off its reader finds out."""
    with suppress(aio.AioRpcError, asyncio.InvalidStateError):
        while (frame := await frames.get()) is not None:
            await stream.write(codec.encode(frame))
        await stream.done_writing()
