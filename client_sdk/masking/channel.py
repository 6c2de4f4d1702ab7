"""The ways of a client, or of the engine, to both aggregators of an active run."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, final

from protocols.arithmetic.counters import FIRST_STEP, Step
from protocols.errors import LpmError, PartiesDisagree, RoundClosed, RunEnded, Unavailable
from protocols.masking.envelope import SignedMessage
from protocols.task.timeouts import Deadlines, patience_s
from protocols.wire.masked_link import MaskedLink
from protocols.wire.messages import Join
from protocols.wire.transport import Transport

ALONE: Final = "one aggregator alone says that a round closed without this party; the run stops here"
APART: Final = 0.5  # of a round's deadline, which may lie between the answers of both aggregators


@final
class ServerChannel:
    """Both aggregators, reached over one transport each."""

    def __init__(self, run: bytes, deadlines: Deadlines, transports: Sequence[Transport]) -> None:
        """Reach the aggregators of a run, in the manifest's order; nothing is sent."""
        self._run, self._deadlines, self._transports = run, deadlines, transports
        self._links = [MaskedLink(transport, self._run) for transport in transports]

    async def join(self) -> Step:
        """Join at both, and return the first step that has begun at neither.

        Raises:
            RoundClosed: both say that the run is over for the sender.
            PartiesDisagree: one of them does, or is more than a step behind what the other one had said before, which
                no honest one is.
        """
        steps = await self._next_steps(self._transports)
        while max(steps) - min(steps) > 1:  # the answer of one may have come later: it is asked for after the other's
            slow = steps.index(min(steps))
            try:
                [now] = await self._next_steps([self._transports[slow]])
            except RoundClosed as error:
                raise PartiesDisagree(ALONE) from error
            if max(steps) - now > 1:
                raise PartiesDisagree(f"the aggregators say that steps {steps} come next; the run stops here")
            steps[slow] = now  # which may be far ahead: then the other one is asked, whether that is so
        return Step(max(steps))

    async def _next_steps(self, transports: Sequence[Transport]) -> list[Step]:
        timeout_s, join = patience_s(self._deadlines, FIRST_STEP), Join(self._run, b"")
        calls = [asyncio.ensure_future(each.call(join, timeout_s=timeout_s)) for each in transports]
        await asyncio.wait(calls)
        _require_answers(calls)
        return [call.result().step for call in calls]

    async def hand(self, envelope: SignedMessage) -> None:
        """Hand both a sealed seed, for the first round."""
        timeout_s = patience_s(self._deadlines, FIRST_STEP)
        await asyncio.gather(*(link.send(envelope, timeout_s=timeout_s) for link in self._links))

    async def exchange(
        self, envelope: SignedMessage, *, step: Step, rounds: int = 1
    ) -> tuple[SignedMessage, SignedMessage]:
        """Hand a round's message to both, and return what each replies when the round is over.

        Args:
            envelope: the message.
            step: of the round.
            rounds: how many may have to be over first.

        Raises:
            RoundClosed: both say that it closed without the sender, which is out of the run.
            PartiesDisagree: one of them says so.
            RunEnded: the run is over.
            Unavailable: one did not answer in time, or not soon after the other: if it might, it could hold a client up
                until the next round has closed without it.
        """
        timeout_s = rounds * patience_s(self._deadlines, step)
        calls = [asyncio.ensure_future(link.ask(envelope, timeout_s=timeout_s)) for link in self._links]
        try:
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            refusal = _refusal([call for call in calls if call.done()])
            if not isinstance(refusal, RoundClosed | None):
                raise refusal
            _, late = await asyncio.wait(calls, timeout=APART * self._deadlines.round_timeout_s)
            if late:
                raise Unavailable("one aggregator answered, and the other keeps its answer back; the run stops here")
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)  # what is refused later, nobody has to hear
        _require_answers(calls)
        first, second = (call.result() for call in calls)
        return first, second

    async def stop(self, envelope: SignedMessage) -> None:
        """Tell both that the run is over; one that is down is told when it is back.

        That may take as long as any other client waits for it, which begins to a deadline later: if it came back to
        others and had not been told, the other aggregator, which knows it and says nothing, had dropped the sender.
        """
        timeout_s = patience_s(self._deadlines, Step(1)) + self._deadlines.round_timeout_s
        sent = (link.send(envelope, timeout_s=timeout_s) for link in self._links)
        await asyncio.gather(*sent, return_exceptions=True)


def _require_answers(calls: Sequence["asyncio.Future[Any]"]) -> None:
    """Raise why a call failed; what one aggregator alone says of a round that closed is a lie."""
    refusal = _refusal(calls)
    if isinstance(refusal, RoundClosed) and not all(call.exception() for call in calls):
        raise PartiesDisagree(ALONE)
    if refusal is not None:
        raise refusal


def _refusal(calls: Sequence["asyncio.Future[Any]"]) -> LpmError | None:
    """Return why a call failed: before all others that the run is over, and last that a round has closed."""
    errors = [error for call in calls if (error := call.exception()) is not None]
    for error in errors:
        if not isinstance(error, LpmError):
            raise error
    refusals = [error for error in errors if isinstance(error, LpmError)]
    return min(
        refusals, key=lambda error: (isinstance(error, RoundClosed), not isinstance(error, RunEnded)), default=None
    )
