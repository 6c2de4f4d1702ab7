"""The way to the other aggregator: what is posted to it, and what of it has come in turn."""

import asyncio
from collections.abc import Callable
from typing import final

from aggregator.masking.service.inbox import Inbox
from protocols.arithmetic.counters import RoundNumber
from protocols.errors import LpmError, RunEnded, Unavailable
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import RunMessage
from protocols.wire.masked_link import MaskedLink


@final
class PeerChannel:
    """Messages to the other aggregator and from it."""

    def __init__(self, link: MaskedLink, inbox: Inbox, fail: Callable[[LpmError], None]) -> None:
        """Reach the other aggregator; nothing is sent.

        Args:
            link: to it.
            inbox: of what it has sent.
            fail: told why a post did not arrive.
        """
        self._link, self._inbox, self._fail = link, inbox, fail
        self._posts: set[asyncio.Future[None]] = set()

    async def post(self, envelope: SignedMessage, *, timeout_s: float) -> None:
        """Send a message, and wait until it has arrived."""
        await self._link.send(envelope, timeout_s=timeout_s)

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
        post = asyncio.ensure_future(self.post(envelope, timeout_s=timeout_s))
        self._posts.add(post)
        post.add_done_callback(self._posted)
        await self._inbox.until(lambda: self._inbox.take(kind, number, part) is not None, timeout_s)
        message = self._inbox.take(kind, number, part)
        if message is None:
            raise Unavailable(f"the other aggregator kept silent in round {number}; the run stops here")
        return message

    def _posted(self, post: "asyncio.Future[None]") -> None:
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
