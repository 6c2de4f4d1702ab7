"""What the other aggregator has sent, until its turn comes, and a wait for anything that changes."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar, final

import msgspec

from aggregator.masking.carry.bit_opening import count_messages
from aggregator.masking.suppression import MESSAGES
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import RoundAhead
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import CountShare, OpeningShare, RunMessage
from protocols.masking.words import WIDTH

M = TypeVar("M", bound=msgspec.Struct)
MOST_PARTS: Final = max(MESSAGES, count_messages(WIDTH))


@final
class Inbox:
    """Messages by kind, round and part: of each the first one, of the round in hand and of the next one alone."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._messages: dict[tuple[type, int, int], SignedMessage] = {}
        self._changed = asyncio.Event()

    def put(self, message: RunMessage, envelope: SignedMessage, *, number: RoundNumber) -> None:
        """Take in a message; one of a round that is over, which whoever comes back sends again, changes nothing.

        Raises:
            RoundAhead: it is of a later round than the one in hand, `number`, and the next one.
        """
        if message.number < number:
            return
        if message.number > number + 1:
            raise RoundAhead(f"got a message of round {message.number} in round {number}")
        part = message.part if isinstance(message, CountShare | OpeningShare) else 0
        if part >= MOST_PARTS:
            raise RoundAhead(f"got part {part} of a message that has {MOST_PARTS} at most")
        self._messages.setdefault((type(message), message.number, part), envelope)
        self.notify()

    def take(self, kind: type[M], number: RoundNumber, part: int = 0) -> SignedMessage | None:
        """Return a message that has come."""
        return self._messages.get((kind, number, part))

    def forget(self, number: RoundNumber) -> None:
        """Let go of a round that is over."""
        self._messages = {key: each for key, each in self._messages.items() if key[1] > number}

    def notify(self) -> None:
        """Let all that wait look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(self, holds: Callable[[], bool], timeout_s: float | None) -> bool:
        """Wait until something holds, which is looked at whenever something has come; False where time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            return holds()
        return True
