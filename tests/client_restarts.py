"""Clients of semi-honest runs in this process that end at drawn calls, and are started again from their journals."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from client_sdk.gradients.participant import Participant, take_part_over
from client_sdk.private.state import PrivateState
from client_sdk.simulation.durable_exchange import DurableExchange
from protocols.masking.journal import MemoryJournal
from protocols.task.manifest import Simulation
from protocols.wire.transport import Transport

BEFORE, BETWEEN, AFTER = "before", "between", "after"  # a call goes out; it was heard; its answer is about to be read
MOMENTS = (BEFORE, BETWEEN, AFTER)


class Killed(BaseException):
    """The client's process is gone."""


class FragileTransport(Transport):
    """Ends the client at calls of these numbers, all its transports counted together."""

    def __init__(self, inner: Transport, client: "FragileClient") -> None:
        self._inner, self._client = inner, client

    async def call(self, request: object, *, timeout_s: float) -> Any:
        moment = self._client.moment()
        if moment == BEFORE:
            self._client.gone.set()
            await asyncio.Event().wait()
        reply = asyncio.ensure_future(self._inner.call(request, timeout_s=timeout_s))
        if moment == BETWEEN:
            await asyncio.sleep(0)
            self._client.gone.set()
        try:
            answered = await asyncio.shield(reply)  # a server goes on with what it has heard
        except asyncio.CancelledError:
            reply.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise
        if moment == AFTER:
            self._client.gone.set()
            await asyncio.Event().wait()
        return answered


class FragileClient:
    """One client, whose processes end at calls.

    Attributes:
        starts: how many there were.
    """

    def __init__(
        self,
        manifest: Simulation,
        name: str,
        draw: Callable[[], PrivateState],
        transports: list[Transport],
        places: dict[int, str],
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._manifest, self._name, self._draw, self._places, self._pause = manifest, name, draw, places, pause
        self._transports = [FragileTransport(each, self) for each in transports]
        self._calls, self.starts, self.journal, self.gone = 0, 0, MemoryJournal(), asyncio.Event()

    def moment(self) -> str | None:
        """Count a call, and return when the process ends at it, if it does."""
        self._calls += 1
        return self._places.get(self._calls - 1)

    async def run(self) -> Participant:
        """Take part, again and again until nobody ends it."""
        while True:
            self.gone = asyncio.Event()
            task, gone = asyncio.ensure_future(self._take_part()), asyncio.ensure_future(self.gone.wait())
            await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not self.gone.is_set():
                return task.result()
            task.cancel()
            with suppress(BaseException):
                await task
            if self._pause is not None:
                await self._pause()

    async def _take_part(self) -> Participant:
        self.starts += 1
        self.journal = MemoryJournal(copy.copy(self.journal._entries))
        exchange = DurableExchange(self._manifest, self._name, self._transports, self.journal)
        client = await take_part_over(self._manifest, self._draw(), exchange)
        await client.run()
        return client
