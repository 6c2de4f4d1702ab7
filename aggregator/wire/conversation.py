"""Calls that come over one stream: each goes the way of a call by itself, and is answered as soon as it can be."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn, final

import grpc
from grpc import aio

from aggregator.wire.callers import Callers
from aggregator.wire.interceptor import CALLS_OF_ONE, caller_of
from protocols.errors import LpmError, WireError
from protocols.wire import codec
from protocols.wire.call_stream import EOF
from protocols.wire.messages import StreamedAnswer, StreamedCall
from protocols.wire.remote import CODE

Method = Callable[[bytes, Any], Awaitable[bytes]]
SLOTS: Final = 2  # calls of a stream that are read, of what a caller may have under way of one method


class Refusal(Exception):
    """Why a call of a stream has no reply, in place of the end of an RPC."""

    def __init__(self, status: grpc.StatusCode, details: str, code: str) -> None:
        """Keep what the caller is told."""
        super().__init__(details)
        self.status, self.details, self.code = status, details, code


@final
class CallContext:
    """What a call of a stream knows of its caller, and how it is refused: a part of gRPC's context."""

    __slots__ = ("_authentication",)

    def __init__(self, authentication: Mapping[str, Any]) -> None:
        """Take over what TLS has verified of the connection."""
        self._authentication = authentication

    def auth_context(self) -> Mapping[str, Any]:
        """Return what TLS has verified."""
        return self._authentication

    async def abort(
        self, status: grpc.StatusCode, details: str, trailing: tuple[tuple[str, str], ...] = ()
    ) -> NoReturn:
        """Refuse the call, and no other one of the stream."""
        raise Refusal(status, details, dict(trailing).get(CODE, ""))


@final
class Conversations:
    """The streams of calls of one server, until it stops.

    Security: each call is let in, counted and refused as one by itself. Of a caller that does not read its answers no
        more calls are read.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._streams: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """End all streams: an idle one would keep the server until its patience is over."""
        for each in self._streams:
            each.cancel()

    def serving(
        self, methods: Mapping[str, Method], callers: Callers
    ) -> Callable[[Any, "aio.ServicerContext[bytes, bytes]"], Awaitable[None]]:
        """Return what serves a stream with these methods."""

        async def converse(_: Any, context: "aio.ServicerContext[bytes, bytes]") -> None:
            conversation = _Conversation(methods, context, _most(callers, context))
            reading = asyncio.ensure_future(conversation.read())
            self._streams.add(reading)
            try:
                await asyncio.wait([reading])
            finally:
                self._streams.discard(reading)
                conversation.end(reading)
            if not reading.cancelled() and isinstance(error := reading.exception(), WireError):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error), ((CODE, error.code),))

        return converse


def _most(callers: Callers, context: Any) -> int:
    """Return how many calls of a stream are read before one of them is answered."""
    try:
        return SLOTS * CALLS_OF_ONE * callers.weight(caller_of(context))
    except LpmError:
        return 1  # each is refused


class _Conversation:
    """One stream."""

    def __init__(self, methods: Mapping[str, Method], context: "aio.ServicerContext[bytes, bytes]", most: int) -> None:
        self._methods, self._stream, self._slots = methods, context, asyncio.Semaphore(most)
        self._context = CallContext(context.auth_context())
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._answers: asyncio.Queue[StreamedAnswer] = asyncio.Queue()
        self._writing = asyncio.ensure_future(self._write())

    async def read(self) -> None:
        """Take calls in until the caller ends the stream.

        Raises:
            WireError: it sends what is no call.
        """
        while (content := await self._stream.read()) is not EOF:
            await self._take(codec.decode(StreamedCall, content))

    def end(self, reading: "asyncio.Task[None]") -> None:
        """Let go of all calls."""
        for task in (reading, self._writing, *self._calls.values()):
            task.cancel()

    async def _take(self, call: StreamedCall) -> None:
        if not call.method:
            if (task := self._calls.get(call.number)) is not None:
                task.cancel()
            return
        if call.number in self._calls:
            raise WireError(f"got two calls of number {call.number}; each of a stream has a number of its own")
        await self._slots.acquire()
        task = asyncio.ensure_future(self._answer(call))
        self._calls[call.number] = task
        task.add_done_callback(lambda done: self._end(call.number, done))

    def _end(self, number: int, task: "asyncio.Task[None]") -> None:
        """Let go of a call; the slot of one that has an answer is free when that is written."""
        del self._calls[number]
        if task.cancelled() or task.exception() is not None:
            self._slots.release()

    async def _answer(self, call: StreamedCall) -> None:
        method = self._methods.get(call.method)
        try:
            if method is None:
                await self._context.abort(grpc.StatusCode.UNIMPLEMENTED, "there is no such method")
            answer = StreamedAnswer(call.number, await method(call.content, self._context))
        except Refusal as error:
            answer = StreamedAnswer(call.number, b"", error.status.value[0], error.code, error.details)
        self._answers.put_nowait(answer)

    async def _write(self) -> None:
        while True:
            answer = await self._answers.get()
            await self._stream.write(codec.encode(answer))
            self._slots.release()
