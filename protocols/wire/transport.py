"""One call to one party, by whatever means."""

import abc
from typing import Any


class Transport(abc.ABC):
    """A way to one aggregator.

    Attributes:
        sent, received: bytes of messages so far, without the framing of the transport below.
    """

    sent: int = 0
    received: int = 0

    @abc.abstractmethod
    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Send a request and return the reply that answers it.

        Raises:
            Unavailable: no answer in time.
            ProtocolError: the party refused; the same class that it raised.
        """

    async def close(self) -> None:
        """Let go of the connection."""
        return
