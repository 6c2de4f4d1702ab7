"""What becomes of calls whose stream breaks off, as gRPC tells it."""

import asyncio

import grpc
import pytest
from grpc import aio

from protocols.wire import codec
from protocols.wire.call_stream import EOF, CallStream
from protocols.wire.messages import StreamedAnswer, StreamedCall

CODES = grpc.StatusCode


class Stream:
    """One stream of gRPC, whose calls are answered by their own content, or which ends with a status."""

    def __init__(self, status):
        self.status, self.answers = status, asyncio.Queue()

    async def write(self, content):
        call = codec.decode(StreamedCall, content)
        self.answers.put_nowait(codec.encode(StreamedAnswer(call.number, call.content)))

    async def read(self):
        content = await self.answers.get()
        if self.status is None:
            return content
        if self.status is CODES.OK:
            return EOF
        if self.status is CODES.DATA_LOSS:
            return b"\xff\xff"
        raise aio.AioRpcError(self.status, aio.Metadata(), aio.Metadata(), "as the test has it", None)

    async def done_writing(self):
        self.answers.put_nowait(b"")

    async def code(self):
        return self.status

    async def details(self):
        return ""

    def cancel(self):
        pass


def answer_of(*statuses):
    """Return the answer to a call over streams that end with these statuses, and how many of them were opened."""

    async def call():
        left = [Stream(status) for status in statuses]
        stream = CallStream(lambda: left.pop(0))
        return await stream.call("Join", b"content"), len(statuses) - len(left)

    return asyncio.run(call())


@pytest.mark.parametrize("status", [CODES.UNAVAILABLE, CODES.CANCELLED, CODES.INTERNAL, CODES.OK])
def test_a_call_whose_stream_broke_off_is_made_again_on_another(status):
    answer, opened = answer_of(status, None)
    assert (answer.status, answer.content, opened) == (0, b"content", 2)


@pytest.mark.parametrize("status", [CODES.INVALID_ARGUMENT, CODES.UNIMPLEMENTED, CODES.DATA_LOSS])
def test_a_call_whose_stream_was_refused_or_is_garbage_is_not(status):
    answer, opened = answer_of(status, None)
    assert (answer.status, opened) == (status.value[0], 1)
