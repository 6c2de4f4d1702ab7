"""A client's share that came as one message: opened, if it is sealed to this aggregator for this round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from cryptography import x509

from aggregator.rounds.sums import KEY_WORDS
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.sharing import Sharing
from protocols.errors import LpmError, ManifestMismatch, NotEnrolled, NotSealed, WrongLength
from protocols.identity.sealing_key import SealingKey
from protocols.sealing.handshake import accept
from protocols.sealing.messages import SealedRequest
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.task.layout import Layout
from protocols.wire import codec
from protocols.wire.messages import Share
from protocols.wire.sealed_transport import unpack


@final
@dataclass(frozen=True, slots=True)
class ShareOpener:
    """Opens what clients sealed to one aggregator.

    Attributes:
        run: its id.
        layout: of its vectors, with the names of its clients.
        name: of this aggregator in it.
        expands: how this aggregator's shares are expanded from keys; None of the last one, whose shares are sent.
        key: its sealing key, which the manifest pins.
        authorities: whose certificates clients show.
    """

    run: bytes
    layout: Layout
    name: str
    expands: Sharing | None
    key: SealingKey = field(repr=False)
    authorities: Sequence[x509.Certificate] = field(repr=False)

    def open_all(self, number: RoundNumber, sealed: Mapping[str, bytes]) -> dict[str, Share]:
        """Return the share of each client whose share opens, its words uint64[d]; the others are left out."""
        shares = {}
        for client, content in sorted(sealed.items()):
            try:
                shares[client] = self.open(client, content, number)
            except LpmError:
                continue
        return shares

    def open(self, client: str, content: bytes, number: RoundNumber) -> Share:
        """Return a client's share, its words uint64[d], expanded where it came as a key.

        Raises:
            ProtocolError: it is of no client, or for another run, aggregator or round, or of another length.
        """
        d, sharing = self.layout.cells, self.expands
        inner, words = self._inner(client, codec.decode(SealedRequest, content), number), KEY_WORDS if sharing else d
        if (inner.step, inner.share.size) != (Step(number), words):
            raise WrongLength(f"got a share of {inner.share.size} words for step {inner.step}; {words} are needed")
        if sharing is None:
            return inner
        share = np.zeros(d, dtype=np.uint64)
        sharing.expand(inner.share.tobytes(), round_number=number, out=share)
        return replace(inner, share=share)

    def _inner(self, client: str, request: SealedRequest, number: RoundNumber) -> Share:
        run = self.run
        if client not in self.layout.own:
            raise NotEnrolled(f"the manifest lists no client {client}; ask the run's operator to enrol it")
        route = Route(run, client, self.name)
        if (request.run_id, request.to, request.client, request.counter) != (run, self.name, client, number):
            raise ManifestMismatch("what was sealed is for another run, aggregator, client or round")
        if request.handshake is None:
            raise NotSealed("a sealed share came without its handshake")
        secret = accept(route, request.handshake, key=self.key, authorities=self.authorities)
        inner: object = unpack(SealedSession.of(route, secret).open_request(request.body, counter=number))
        if not isinstance(inner, Share) or inner.run_id != run:
            raise ManifestMismatch("what was sealed is no share of this run for this aggregator")
        return inner
