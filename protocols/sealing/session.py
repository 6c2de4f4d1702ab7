"""The keys that one client and one aggregator share for one run, and what they seal with them."""

import os
from dataclasses import dataclass, field
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.errors import NotSealed
from protocols.sealing.route import Route

SECRET_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
REQUEST: Final = b"request"
REPLY: Final = b"reply"


@final
@dataclass(frozen=True, slots=True)
class SealedSession:
    """Both sides' view of one client's run at one aggregator.

    Security: AES-256-GCM. Each direction has its own key, derived from a secret that the client draws for this run and
        aggregator alone. The client counts its requests, so no nonce repeats under a key; replies, which a restarted
        aggregator may have to make again, have nonces from the system's randomness. A reply is bound to the number of
        its request. A request that is sent again opens again: the rounds take a repeated call for what it is.
    """

    route: Route
    _request: AESGCM = field(repr=False)
    _reply: AESGCM = field(repr=False)

    @classmethod
    def of(cls, route: Route, secret: bytes) -> "SealedSession":
        """Derive the keys from 32 secret bytes."""
        return cls(route, AESGCM(_derive(route, secret, REQUEST)), AESGCM(_derive(route, secret, REPLY)))

    def seal_request(self, content: bytes, *, counter: int) -> bytes:
        """Seal what the client asks; a counter is used once."""
        return self._request.encrypt(_nonce(counter), content, self._header(REQUEST, counter))

    def open_request(self, body: bytes, *, counter: int) -> bytes:
        """Open what the client asked.

        Raises:
            NotSealed: changed on the way, or sealed for another route or number.
        """
        return _decrypt(self._request, _nonce(counter), body, self._header(REQUEST, counter))

    def seal_reply(self, content: bytes, *, counter: int) -> bytes:
        """Seal what the aggregator answers to a request: a nonce from the system's randomness, then the ciphertext."""
        return self.seal_reply_with(content, counter=counter, nonce=os.urandom(NONCE_BYTES))

    def seal_reply_with(self, content: bytes, *, counter: int, nonce: bytes) -> bytes:
        """Seal a reply under a given nonce: for vectors; the public way draws its own."""
        return nonce + self._reply.encrypt(nonce, content, self._header(REPLY, counter))

    def open_reply(self, body: bytes, *, counter: int) -> bytes:
        """Open what the aggregator answered; see `open_request`."""
        return _decrypt(self._reply, body[:NONCE_BYTES], body[NONCE_BYTES:], self._header(REPLY, counter))

    def _header(self, direction: bytes, counter: int) -> bytes:
        return self.route.header(direction) + counter.to_bytes(8, "big")


def _derive(route: Route, secret: bytes, direction: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=route.header(b"key " + direction)).derive(secret)


def _nonce(counter: int) -> bytes:
    return counter.to_bytes(NONCE_BYTES, "big")


def _decrypt(key: AESGCM, nonce: bytes, body: bytes, header: bytes) -> bytes:
    if len(nonce) != NONCE_BYTES or len(body) < TAG_BYTES:
        raise NotSealed(f"got {len(body)} sealed bytes; there are at least {TAG_BYTES}")
    try:
        return key.decrypt(nonce, body, header)
    except InvalidTag:
        raise NotSealed(
            "a sealed call does not open: it was changed on the way, or sealed for another run, party or number"
        ) from None
