"""Calls that come over one stream: each goes the way of a call by itself, and is answered as soon as it can be."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn, final

import grpc
from grpc import aio

from aggregator.wire.callers import Callers, certificate_digest
from aggregator.wire.interceptor import CALLS_OF_ONE, caller_of
from protocols.errors import LpmError, WireError
from protocols.wire import codec
from protocols.wire.call_stream import EOF
from protocols.wire.messages import StreamedAnswer, StreamedCall
from protocols.wire.remote import CODE

Method = Callable[[bytes, Any], Awaitable[bytes]]
SLOTS: Final = 2  # calls of a stream that are read, of what a caller may have under way of one method
STREAMS_OF_ONE: Final = 128  # at the same time: a caller has one for each run that it takes part in here


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
        more calls are read. Of one that opens many streams the oldest end, so that it takes nobody the server's room.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._streams: dict[bytes, list[asyncio.Task[None]]] = {}  # of each caller, by its key; the oldest first

    def stop(self) -> None:
        """End all streams: an idle one would keep the server until its patience is over."""
        for streams in self._streams.values():
            for each in streams:
                each.cancel()

    def _begin(self, caller: bytes, reading: "asyncio.Task[None]") -> None:
        """Take a caller's stream in, in place of its oldest one where it has too many: that may be of a lost line."""
        streams = self._streams.setdefault(caller, [])
        streams.append(reading)
        if len(streams) > STREAMS_OF_ONE:
            streams.pop(0).cancel()

    def _end(self, caller: bytes, reading: "asyncio.Task[None]") -> None:
        streams = self._streams.get(caller, [])
        if reading in streams:
            streams.remove(reading)
        if not streams:
            self._streams.pop(caller, None)

    def serving(
        self, methods: Mapping[str, Method], callers: Callers
    ) -> Callable[[Any, "aio.ServicerContext[bytes, bytes]"], Awaitable[None]]:
        """Return what serves a stream with these methods."""

        async def converse(_: Any, context: "aio.ServicerContext[bytes, bytes]") -> None:
            conversation = _Conversation(methods, context, callers)
            caller, reading = certificate_digest(context), asyncio.ensure_future(conversation.read())
            self._begin(caller, reading)
            try:
                await asyncio.wait([reading, conversation.writing], return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._end(caller, reading)
                conversation.end(reading)
            if reading.done() and not reading.cancelled() and isinstance(error := reading.exception(), WireError):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error), ((CODE, error.code),))

        return converse


def _most(callers: Callers, context: Any) -> int:
    """Return how many calls of a stream are read before one of them is answered."""
    try:
        return SLOTS * CALLS_OF_ONE * callers.weight(caller_of(context))
    except LpmError:
        return 1  # each is refused


class _Conversation:
    """One stream.

    Attributes:
        writing: ends where an answer cannot be written.
    """

    def __init__(
        self, methods: Mapping[str, Method], context: "aio.ServicerContext[bytes, bytes]", callers: Callers
    ) -> None:
        self._methods, self._stream, self._callers = methods, context, callers
        self._most, self._slots = 0, asyncio.Semaphore(0)
        self._context = CallContext(context.auth_context())
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._answers: asyncio.Queue[StreamedAnswer] = asyncio.Queue()
        self.writing = asyncio.ensure_future(self._write())

    async def read(self) -> None:
        """Take calls in until the caller ends the stream.

        Raises:
            WireError: it sends what is no call.
        """
        while (content := await self._stream.read()) is not EOF:
            await self._take(codec.decode(StreamedCall, content))

    def end(self, reading: "asyncio.Task[None]") -> None:
        """Let go of all calls."""
        for task in (reading, self.writing, *self._calls.values()):
            task.cancel()

    async def _take(self, call: StreamedCall) -> None:
        if not call.method:
            if (task := self._calls.get(call.number)) is not None:
                task.cancel()
            return
        if call.number in self._calls:
            raise WireError(f"got two calls of number {call.number}; each of a stream has a number of its own")
        self._widen()
        await self._slots.acquire()
        task = asyncio.ensure_future(self._answer(call))
        self._calls[call.number] = task
        task.add_done_callback(lambda done: self._end(call.number, done))

    def _widen(self) -> None:
        """Read as many calls as this caller may speak for now: of a run that came later it may be more clients."""
        most = max(self._most, _most(self._callers, self._stream))
        for _ in range(most - self._most):
            self._slots.release()
        self._most = most

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
