"""Sealed calls: what opens a session, what a client asks under it, and what it is answered."""

from dataclasses import dataclass, field
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Handshake:
    """How a client begins a sealed session at an aggregator.

    Attributes:
        sealed: a secret, sealed to the aggregator's key by HPKE.
        certificate: the client's, DER.
        signature: by the key of that certificate.
    """

    sealed: bytes
    certificate: bytes
    signature: bytes


@final
@dataclass(frozen=True, slots=True)
class SealedRequest:
    """A Join, a Share or a Letter that one aggregator alone can open; another one may pass it on.

    Attributes:
        to, client: names in the manifest.
        handshake: with a Join or a Letter only.
        counter: numbers the client's requests to this aggregator; it is the nonce.
        body: AES-256-GCM over the request's kind (a byte) and bytes.
    """

    run_id: bytes
    to: str
    client: str
    handshake: Handshake | None
    counter: int
    body: bytes = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class SealedReply:
    """The answer to a sealed request: a nonce, and AES-256-GCM over the reply's bytes."""

    body: bytes = field(repr=False)
