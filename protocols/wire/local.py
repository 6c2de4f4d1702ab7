"""A transport inside one process: the bytes of the wire without the wire. For tests and testbeds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, final

from protocols.errors import Unavailable
from protocols.wire import codec
from protocols.wire.methods import METHOD_OF, METHODS
from protocols.wire.transport import Transport

Answer = Callable[[str, Any], Awaitable[object]]


@final
class LocalTransport(Transport):
    """Calls an aggregator object of the same process, through the same encoder and decoder as a real call.

    Security: authenticates nobody: it says `caller` and is believed.
    """

    def __init__(self, answer: Answer, *, caller: str) -> None:
        """Reach the party that answers, as `caller`."""
        self._answer = answer
        self._caller = caller

    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Encode, decode, answer, encode, decode."""
        kind, reply_kind = METHODS[METHOD_OF[type(request)]]
        content = codec.encode(request)
        self.sent += len(content)
        try:
            async with asyncio.timeout(timeout_s):
                reply = codec.encode(await self._answer(self._caller, codec.decode(kind, content)))
        except TimeoutError:
            raise Unavailable(f"no answer within {timeout_s:g} s") from None
        self.received += len(reply)
        return codec.decode(reply_kind, reply)
