"""Parties of semi-honest runs in this process that end at drawn calls, and are started again from their journals."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from client_sdk.gradients.participant import Participant, take_part_over
from client_sdk.private.state import PrivateState
from client_sdk.simulation.durable_exchange import DurableExchange
from protocols.arithmetic.counters import RoundNumber
from protocols.masking.journal import MemoryJournal
from protocols.task.manifest import SimulationManifest
from protocols.task.rounds import Phase
from protocols.wire.transport import Transport

BEFORE, BETWEEN, AFTER = "before", "between", "after"  # a call goes out; it was heard; its answer is about to be read
MOMENTS = (BEFORE, BETWEEN, AFTER)


class FragileTransport(Transport):
    """Ends the process at calls of these numbers, all its transports counted together."""

    def __init__(self, inner: Transport, process: "FragileProcess") -> None:
        self._inner, self._process = inner, process

    async def call(self, request: object, *, timeout_s: float) -> Any:
        moment = self._process.moment()
        if moment == BEFORE:
            await self._process.end()
        reply = asyncio.ensure_future(self._inner.call(request, timeout_s=timeout_s))
        if moment == BETWEEN:
            await asyncio.sleep(0)
            self._process.gone.set()
        try:
            answered = await asyncio.shield(reply)  # a server goes on with what it has heard
        except asyncio.CancelledError:
            reply.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise
        if moment == AFTER:
            await self._process.end()
        return answered


class FragileProcess:
    """A party whose process ends at calls, and is started again."""

    def __init__(
        self,
        take_part: Callable[[list[Transport]], Awaitable[Any]],
        transports: list[Transport],
        places: dict[int, str],
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._take_part, self._places, self._pause = take_part, places, pause
        self._transports: list[Transport] = [FragileTransport(each, self) for each in transports]
        self._calls, self.gone = 0, asyncio.Event()

    def moment(self) -> str | None:
        """Count a call, and return when the process ends at it, if it does."""
        self._calls += 1
        return self._places.get(self._calls - 1)

    async def end(self) -> None:
        """End the process, from a call of its own."""
        self.gone.set()
        await asyncio.Event().wait()

    async def run(self) -> Any:
        """Take part, again and again until nobody ends it."""
        while True:
            self.gone = asyncio.Event()
            task: asyncio.Future[Any] = asyncio.ensure_future(self._take_part(self._transports))
            gone = asyncio.ensure_future(self.gone.wait())
            try:
                await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
                if not self.gone.is_set():
                    return task.result()
            finally:
                for each in (task, gone):
                    each.cancel()
                    with suppress(BaseException):
                        await each
            if self._pause is not None:
                await self._pause()


class FragileClient(FragileProcess):
    """A client that goes on from its journal.

    Attributes:
        journal: of its last process.
    """

    def __init__(
        self,
        manifest: SimulationManifest,
        name: str,
        draw: Callable[[], PrivateState],
        transports: list[Transport],
        places: dict[int, str],
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(self._join, transports, places, pause)
        self._manifest, self._name, self._draw, self.journal = manifest, name, draw, MemoryJournal()

    async def _join(self, transports: list[Transport]) -> Participant:
        self.journal = MemoryJournal(self.journal._entries)
        exchange = DurableExchange(self._manifest, self._name, transports, self.journal)
        client = await take_part_over(self._manifest, self._draw(), exchange)
        await client.run()
        return client


def absences(manifest: SimulationManifest, journal: MemoryJournal) -> tuple[set[int], set[int], set[int], set[int]]:
    """Return in which steps a client was not heard, was told no release, told no levels, and was told no outcomes."""
    marks: dict[Phase, dict[int, bytes | None]] = {phase: {} for phase in Phase}
    for number in map(RoundNumber, range(manifest.schedule.rounds)):
        step, phase = manifest.schedule.step(number), manifest.schedule.phase(number)
        marks[phase][step] = journal.entry(f"answer {number}")

    def steps(phase: Phase, *wanted: bytes) -> set[int]:
        return {step for step, mark in marks[phase].items() if mark in wanted}

    return (
        steps(Phase.SPEAK, b"closed"),
        steps(Phase.SPEAK, b"closed", b"lost"),
        steps(Phase.DECIDE, b"closed"),
        steps(Phase.DECIDE, b"closed", b"lost"),
    )
