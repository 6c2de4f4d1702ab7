"""A transport whose joins and shares one aggregator alone can read, whatever carries them."""

from dataclasses import dataclass, field
from typing import Any, Final, final

from protocols.errors import WireError
from protocols.identity.certificates import Credentials
from protocols.identity.sealing_key import public_key
from protocols.sealing.handshake import begin
from protocols.sealing.messages import Handshake, SealedReply, SealedRequest
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.wire import codec, messages
from protocols.wire.messages import Join, Letter, MaskedCall, Share
from protocols.wire.transport import Transport

KINDS: Final[tuple[tuple[type, type], ...]] = (
    (Join, messages.JoinReply),
    (Share, messages.RoundResult),
    (MaskedCall, messages.MaskedReply),
    (Letter, messages.LetterReply),
)


@final
@dataclass(frozen=True, slots=True)
class SessionState:
    """A client's session with one aggregator, as it was kept: 32 bytes, and a number above all of its requests."""

    secret: bytes = field(repr=False)
    counter: int


def pack(request: object) -> bytes:
    """Return what is sealed: the kind, one byte, and the request."""
    kind = next(index for index, (each, _) in enumerate(KINDS) if type(request) is each)
    return bytes([kind]) + codec.encode(request)


def unpack(content: bytes) -> Any:
    """Read what `pack` wrote.

    Raises:
        WireError: no such kind, or not what the encoder writes.
    """
    if not content or content[0] >= len(KINDS):
        raise WireError("what was sealed is no join, no share, no masked message and no letter")
    return codec.decode(KINDS[content[0]][0], content[1:])


@final
class SealedTransport(Transport):
    """Seals a client's joins and shares to one aggregator, and opens its answers.

    Security: what carries the calls, a relaying aggregator included, sees that, when and how much a client and an
        aggregator talk, and errors; it cannot read, change or make up a share or an answer. It can drop calls, and
        answer with an error.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        route: Route,
        key: bytes,
        credentials: Credentials,
        resumed: SessionState | None = None,
    ) -> None:
        """Seal for `route` under the key that the manifest pins; the secret is drawn for this transport alone.

        A client that goes on after a restart gives the secret that it kept, and counts on where no request was.
        """
        self._inner, self._route = inner, route
        self._key, self._credentials = key, credentials
        self._session: SealedSession | None = None
        self._handshake: Handshake | None = None
        self._secret = None if resumed is None else resumed.secret
        self._counter = 0 if resumed is None else resumed.counter

    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Seal, call, open; NotSealed if the answer is not this aggregator's answer to this call."""
        kinds = dict(KINDS)
        if type(request) not in kinds:
            return await self._inner.call(request, timeout_s=timeout_s)
        session, counter = self._open(), self._counter
        self._counter += 1
        body = session.seal_request(pack(request), counter=counter)
        handshake = self._handshake if isinstance(request, Join | Letter) else None
        route = self._route
        call = SealedRequest(route.run, route.aggregator, route.client, handshake, counter, body)
        try:
            reply: SealedReply = await self._inner.call(call, timeout_s=timeout_s)
        finally:
            self.sent, self.received = self._inner.sent, self._inner.received
        return codec.decode(kinds[type(request)], session.open_reply(reply.body, counter=counter))

    async def close(self) -> None:
        """Close what carries the calls."""
        await self._inner.close()

    def _open(self) -> SealedSession:
        if self._session is None:
            key = public_key(self._key)
            secret, self._handshake = begin(self._route, key, self._credentials, secret=self._secret)
            self._session = SealedSession.of(self._route, secret)
        return self._session
