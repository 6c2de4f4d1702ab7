"""A way to one server of an active run: a signed message there, and the signed message that answers it."""

from dataclasses import dataclass
from typing import Any, final

from protocols.errors import PartiesDisagree
from protocols.masking.envelope import SignedMessage
from protocols.wire.messages import MaskedCall, MaskedReply
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True)
class MaskedLink:
    """One party's way to one server.

    Attributes:
        transport: to it.
        run: the manifest's hash.
    """

    transport: Transport
    run: bytes

    async def send(self, envelope: SignedMessage, *, timeout_s: float) -> SignedMessage | None:
        """Send a message, and return what answers it; nothing where nothing does.

        Raises:
            Unavailable: no answer in time.
            RunEnded: the run is over at the server.
        """
        reply: MaskedReply = await self.transport.call(MaskedCall(self.run, envelope), timeout_s=timeout_s)
        return reply.envelope

    async def ask(self, envelope: SignedMessage, *, timeout_s: float) -> SignedMessage:
        """Send a message, and return its answer; errors are those of `send`.

        Raises:
            PartiesDisagree: nothing answers it.
        """
        answer: Any = await self.send(envelope, timeout_s=timeout_s)
        if answer is None:
            raise PartiesDisagree("a server took a message and told nothing; the run stops here")
        signed: SignedMessage = answer
        return signed
