"""The dealer of a masked run as a server: each aggregator is answered by itself, once both have asked the same."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, final

from aggregator.masking.dealer import KINDS, MaskingDealer, Replies
from protocols.arithmetic.counters import Step
from protocols.errors import LpmError, NotEnrolled, RunEnded, WireError
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import Stop
from protocols.task.timeouts import patience_s
from protocols.wire.messages import MaskedCall, MaskedReply

LOG: Final = logging.getLogger("aggregator")


@final
class MaskedQuestions:
    """Takes the questions of both aggregators, one after the other.

    Security: what one aggregator is dealt goes to it alone. Whoever else calls is told nothing.
    """

    def __init__(self, begin: Callable[[], MaskingDealer]) -> None:
        """Begin the run, once; where it was begun before, all that call are told that it is over."""
        self._party: MaskingDealer | None = None
        self._refusal = ""
        try:
            self._party = begin()
        except RunEnded as error:
            self._refusal = str(error)
        self._lock = asyncio.Lock()
        self._waiting: dict[bytes, asyncio.Future[Replies]] = {}  # for the other aggregator, by what was asked
        self._tasks: set[asyncio.Task[Replies]] = set()
        self._ahead: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def forget(self) -> None:
        """Wait until the run is over, and while an answer may have been lost; then leave nothing of it on disk."""
        party = self._party
        while party is not None and not (party.is_done or party.ending):
            await self._changed.wait()
            self._changed.clear()
        if party is not None:
            await asyncio.sleep(0.0 if party.ending else patience_s(party.plan.manifest, Step(1)))
            await asyncio.to_thread(party.forget)

    async def answer(self, caller: str, request: object) -> MaskedReply:
        """Answer one call; `caller` is the name in the certificate that TLS has verified.

        Raises:
            NotEnrolled: no aggregator of the run calls.
            RunEnded: the run is over.
        """
        if self._party is None:
            raise RunEnded(self._refusal)
        party = self._party
        if caller not in party.plan.aggregators:
            raise NotEnrolled(f"{caller} calls the dealer, and only aggregators do")
        if not isinstance(request, MaskedCall) or request.run_id != party.plan.run:
            raise WireError("the dealer answers masked calls of its own run alone")
        party.require_running()
        message = party.read(request.envelope, *KINDS, Stop)
        if isinstance(message, Stop):
            party.end(request.envelope)
            LOG.info("ended", extra={"facts": {"reason": party.ending}})
            self._fail(party.ending)
            return MaskedReply(None)
        if request.envelope.sender != caller:
            raise NotEnrolled(f"{caller} asks in the name of {request.envelope.sender}")
        replies = await self._ask(party, request.envelope)
        return MaskedReply(replies[party.plan.aggregators.index(caller)] if replies else None)

    async def _ask(self, party: MaskingDealer, envelope: SignedMessage) -> Replies:
        """Ask in a task of its own, which goes on where a caller goes away: a step is done to its end, once."""
        task = asyncio.ensure_future(self._ask_once(party, envelope))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: "asyncio.Task[Replies]") -> None:
        """Let go of a task that is over; its error was told to its caller, or there is none any more."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def _ask_once(self, party: MaskingDealer, envelope: SignedMessage) -> Replies:
        async with self._lock:
            try:
                replies = await asyncio.to_thread(party.ask, envelope)
            except LpmError:
                if not party.ending:
                    raise
                LOG.warning("ended", extra={"facts": {"reason": party.ending}})
                self._fail(party.ending)
                party.require_running()  # who asked first and who asked last are told the same
                raise
            if replies is not None:
                self._changed.set()
                for content in (envelope.content,) if replies else tuple(self._waiting):
                    if both := self._waiting.pop(content, None):
                        both.set_result(replies)
                self._work_ahead(party)
                return replies
            party.require_running()  # a stop that came meanwhile has found nobody waiting
            both = self._waiting.setdefault(envelope.content, asyncio.get_running_loop().create_future())
        return await asyncio.shield(both)

    def _work_ahead(self, party: MaskingDealer) -> None:
        """Expand the next round's pads when the answers are on their way, before anything else is asked."""

        async def expand() -> None:
            async with self._lock:
                await asyncio.to_thread(party.expand_ahead)

        task = asyncio.ensure_future(expand())
        self._ahead.add(task)
        task.add_done_callback(self._ahead.discard)

    def _fail(self, reason: str) -> None:
        """Tell who waits that the run is over."""
        self._changed.set()
        waiting, self._waiting = self._waiting, {}
        for both in waiting.values():
            both.set_exception(RunEnded(f"the run is over: {reason}"))
            both.exception()  # it may be that nobody waits

    def stop(self) -> None:
        """Let go of what waits."""
        for task in (*self._tasks, *self._ahead):
            task.cancel()
