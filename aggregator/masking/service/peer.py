"""The way to the other aggregator: what is posted to it, and what of it has come in turn."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, final

from aggregator.masking.service.inbox import Inbox
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import LpmError, RunEnded, Unavailable
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import RunMessage
from protocols.wire.masked_link import MaskedLink


@final
class PeerChannel:
    """Messages to the other aggregator and from it; those to it are kept for two rounds, lest it has lost them."""

    def __init__(self, link: MaskedLink, inbox: Inbox, fail: Callable[[LpmError], None]) -> None:
        """Reach the other aggregator; nothing is sent.

        Args:
            link: to it.
            inbox: of what it has sent.
            fail: told why a post did not arrive.
        """
        self._link, self._inbox, self._fail = link, inbox, fail
        self._posts: set[asyncio.Future[object]] = set()
        self._sent: dict[int, list[SignedMessage]] = {}

    def messages_since(self, number: int) -> tuple[SignedMessage, ...]:
        """Return what was sent from a round on, in order."""
        return tuple(each for place, envelopes in sorted(self._sent.items()) for each in envelopes if place >= number)

    def forget(self, before: int) -> None:
        """Let go of what was sent in the rounds before one."""
        self._sent = {number: envelopes for number, envelopes in self._sent.items() if number >= before}

    async def post(self, envelope: SignedMessage, number: RoundNumber | None = None, *, timeout_s: float) -> None:
        """Send a message, of a round where one is given, and wait until it has arrived."""
        if number is not None:
            self._sent.setdefault(number, []).append(envelope)
        await self._link.send(envelope, timeout_s=timeout_s)

    def post_again(self, envelopes: Iterable[SignedMessage], *, timeout_s: float) -> None:
        """Send once more what the other one may have lost, and wait for nothing."""
        for envelope in envelopes:
            self._begin(self._link.send(envelope, timeout_s=timeout_s))

    def _begin(self, sending: Coroutine[Any, Any, object]) -> None:
        post = asyncio.ensure_future(sending)
        self._posts.add(post)
        post.add_done_callback(self._posted)

    async def swap(
        self, envelope: SignedMessage, kind: type[RunMessage], number: RoundNumber, *, part: int = 0, timeout_s: float
    ) -> SignedMessage:
        """Post a message, and return the other's as soon as it has come: nobody waits to hear that a post arrived.

        Args:
            envelope: to the other aggregator.
            kind: of message that is expected of it.
            number: of the round.
            part: of the message.
            timeout_s: how long to wait for it.

        Raises:
            Unavailable: it does not come.
        """
        self._begin(self.post(envelope, number, timeout_s=timeout_s))
        await self._inbox.until(lambda: self._inbox.take(kind, number, part) is not None, timeout_s)
        message = self._inbox.take(kind, number, part)
        if message is None:
            raise Unavailable(f"the other aggregator kept silent in round {number}; the run stops here")
        return message

    def _posted(self, post: "asyncio.Future[object]") -> None:
        self._posts.discard(post)
        error = None if post.cancelled() else post.exception()
        if error is not None:
            self._fail(
                error
                if isinstance(error, LpmError)
                else RunEnded("a message to the other aggregator could not be sent")
            )

    def stop(self) -> None:
        """Let go of what is on its way."""
        for post in self._posts:
            post.cancel()
