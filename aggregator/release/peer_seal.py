"""What one aggregator tells another where somebody else carries it: sealed to its pinned key, and signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from cryptography import x509

from protocols.errors import ManifestMismatch, NotEnrolled, NotSealed, ParameterError, WireError
from protocols.identity.certificates import Credentials
from protocols.identity.sealing_key import SealingKey, public_key
from protocols.identity.server_keys import digest_of_key
from protocols.identity.trust import PartyKeys
from protocols.sealing.handshake import accept, begin
from protocols.sealing.messages import SealedRequest
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.wire import codec
from protocols.wire.messages import Members, TrialShare

KINDS: Final[dict[int, type[Members | TrialShare]]] = {2: Members, 3: TrialShare}  # 0 and 1 are what clients seal


@final
@dataclass(frozen=True, slots=True)
class PeerSeal:
    """Seals to the other aggregators of a run, and opens what they sealed to this one.

    Attributes:
        run: its id.
        name: of this aggregator.
        pinned: the keys of all aggregators, as the manifest pins them, by name in its order.
        key: its sealing key, which the manifest pins.
        credentials: its certificate's, which sign what it seals.
        authorities: whose certificates aggregators show.

    Security: who carries the messages sees their sizes and from whom to whom they go, can drop them, and can pass an
        old one again, which says itself which step and pool it is of. The secret of each message is drawn for it alone.
    """

    run: bytes
    name: str
    pinned: Mapping[str, PartyKeys]
    key: SealingKey = field(repr=False)
    credentials: Credentials = field(repr=False)
    authorities: Sequence[x509.Certificate] = field(repr=False)

    @property
    def peers(self) -> tuple[str, ...]:
        """Return the names of the other aggregators."""
        return tuple(name for name in self.pinned if name != self.name)

    def seal(self, message: Members | TrialShare, peer: str) -> bytes:
        """Seal a message to one other aggregator."""
        run, keys = self.run, self.pinned[peer]
        if keys.sealing is None:
            raise ParameterError(f"the manifest pins no sealing key of {peer}")
        route = Route(run, self.name, peer)
        secret, handshake = begin(route, public_key(keys.sealing), self.credentials)
        kind = next(number for number, each in KINDS.items() if type(message) is each)
        body = SealedSession.of(route, secret).seal_request(bytes([kind]) + codec.encode(message), counter=message.step)
        return codec.encode(SealedRequest(run, peer, self.name, handshake, message.step, body))

    def open(self, content: bytes, peer: str) -> Members | TrialShare:
        """Open what one other aggregator sealed to this one.

        Raises:
            ManifestMismatch: it is of another run or aggregator, or to another one.
            NotSealed, NotEnrolled: not sealed and signed by that aggregator, whose certificate the manifest pins.
            WireError: it is none of an aggregator's messages.
        """
        run, request = self.run, codec.decode(SealedRequest, content)
        if (request.run_id, request.to, request.client) != (run, self.name, peer) or peer not in self.peers:
            raise ManifestMismatch(f"what came in the name of {peer} is of another run, or between other aggregators")
        if request.handshake is None:
            raise NotSealed(f"what came in the name of {peer} came without its handshake")
        route = Route(run, peer, self.name)
        secret = accept(route, request.handshake, key=self.key, authorities=self.authorities)
        shown = x509.load_der_x509_certificate(request.handshake.certificate).public_key()
        if digest_of_key(shown) != self.pinned[peer].certificate:
            raise NotEnrolled(f"{peer} showed another certificate than the one whose key the manifest pins")
        inner = SealedSession.of(route, secret).open_request(request.body, counter=request.counter)
        if not inner or inner[0] not in KINDS:
            raise WireError(f"what {peer} sealed is no aggregator's message")
        message = codec.decode(KINDS[inner[0]], inner[1:])
        if message.step != request.counter:
            raise WireError(f"what {peer} sealed for step {request.counter} is of step {message.step}")
        return message
