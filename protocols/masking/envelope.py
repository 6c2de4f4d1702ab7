"""A message with its signature, over a hash that a nonce of its sender has entered.

A signature over masked words alone would let the dealer, who knows the pads, try words out against it.
"""

import functools
import hashlib
import hmac
import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import NotEnrolled, WireError
from protocols.identity.attachment import PartHashes, Parts, attach, detach
from protocols.identity.signing import Signature, SignaturePurpose, sign, verify

M = TypeVar("M", bound=msgspec.Struct)
NONCE_BYTES: Final = 32
MAX_BYTES: Final = 2**31
_OPENED: Final = "opened"  # beside an envelope: the key under which its signature holds, and what it says


@final
class SignedMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, dict=True):
    """What one party sends.

    Attributes:
        sender: its name.
        content: a message, in canonical bytes.
        nonce: 32 bytes.
        signature: over the hash of the nonce and the hash of the content, which is another one where there are parts.
        parts: long ones of the message, whose hashes the content holds.
    """

    sender: str
    content: bytes
    nonce: Annotated[bytes, msgspec.Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    signature: Signature
    parts: tuple[memoryview, ...] = ()

    def __repr__(self) -> str:
        """Tell the sender and the size, and nothing of the content."""
        return f"SignedMessage({self.sender}, {len(self.content) + sum(map(len, self.parts))} bytes)"

    @functools.cached_property
    def part_hashes(self) -> PartHashes:
        """Return the hashes of its parts, as far as they were computed."""
        return PartHashes()

    @functools.cached_property
    def digest(self) -> bytes:
        """Return what is signed: two versions of a message are two contents, as a signature may be made anew."""
        return hash_under(self.nonce, _content_hash(self.content, self.parts))


@final
@dataclass(frozen=True, slots=True)
class Signer:
    """A party's name and keys.

    Attributes:
        name: of the party.
        key: for its signatures.
        nonce_key: 32 bytes of the system's randomness, which only it has.
    """

    name: str
    key: Ed25519PrivateKey = field(repr=False)
    nonce_key: bytes = field(repr=False)

    @classmethod
    def draw(cls, name: str, key: Ed25519PrivateKey) -> "Signer":
        """Draw the key of the nonces from the system: for one process, which goes on with nothing."""
        return cls(name, key, os.urandom(NONCE_BYTES))

    def nonce(self, content: bytes) -> bytes:
        """Return the nonce of a content or its hash: the same whenever it is sent again, and unknown to all others."""
        return hmac.digest(self.nonce_key, content, "sha256")

    def send(
        self, message: msgspec.Struct, *, nonce: bytes | None = None, hashes: PartHashes | None = None
    ) -> SignedMessage:
        """Return a signed message; `hashes` are of parts that others have too."""
        blank, parts = detach(message, hashes or PartHashes())
        content = encode(blank)
        hashed = _content_hash(content, parts)
        nonce = nonce or self.nonce(hashed)
        digest = hash_under(nonce, hashed)
        signature = sign(self.key, SignaturePurpose.MESSAGE, digest)
        envelope = SignedMessage(self.name, content, nonce, signature, tuple(map(memoryview, parts)))
        vars(envelope)["digest"] = digest  # as it would be computed anew, over a content that may be long
        return envelope


def _content_hash(content: bytes, parts: Parts) -> bytes:
    """Return the hash of a content; the same bytes, if parts travel beside them, are another one."""
    hashed = hashlib.sha256(content).digest()
    return hashlib.sha256(b"lpm parts" + hashed).digest() if parts else hashed


def hash_under(nonce: bytes, hashed: bytes) -> bytes:
    """Return what is signed of a content, from its hash: nobody who lacks the nonce tries contents against it."""
    return hashlib.sha256(nonce + hashed).digest()


def encode(message: msgspec.Struct) -> bytes:
    """Return the canonical bytes of a message."""
    return msgspec.msgpack.encode(message)


def read(envelope: SignedMessage, *kinds: type[M], keys: Mapping[str, bytes], run: bytes) -> M:
    """Return the message in an envelope.

    Args:
        envelope: as it came.
        kinds: which message it may be.
        keys: each party's public key, by name.
        run: that it must belong to.

    Raises:
        NotEnrolled: nobody of this name takes part.
        BadSignature: its sender did not sign it.
        WireError: another kind of message, one of another run, or bytes that are not canonical.
    """
    if envelope.sender not in keys:
        raise NotEnrolled("a message came from a party that the manifest does not name")
    message = _open(envelope, keys[envelope.sender], kinds)
    if not isinstance(message, kinds):
        raise WireError(f"a message of {envelope.sender} is no {kinds[0].__name__}")
    if getattr(message, "run", run) != run:
        raise WireError(f"a message of {envelope.sender} belongs to another run")
    return message


def _open(envelope: SignedMessage, key: bytes, kinds: tuple[type[M], ...]) -> Any:
    """Return the content of an envelope, which is immutable: its signature is verified once for one key."""
    opened: tuple[bytes, Any] | None = vars(envelope).get(_OPENED)
    if opened is not None and opened[0] == key:
        return opened[1]
    verify(key, SignaturePurpose.MESSAGE, envelope.digest, envelope.signature)
    if max(map(len, (envelope.content, *envelope.parts))) > MAX_BYTES:
        raise WireError(f"a message has a part of more than {MAX_BYTES} bytes; no more are allowed")
    try:
        message: M = msgspec.msgpack.decode(envelope.content, type=functools.reduce(operator.or_, kinds))
    except msgspec.MsgspecError as error:
        raise WireError(f"a message of {envelope.sender} is no {kinds[0].__name__}: {error}") from None
    if encode(message) != envelope.content:
        raise WireError(f"a message of {envelope.sender} is not in canonical form")
    message = attach(message, envelope.parts, envelope.part_hashes)
    vars(envelope)[_OPENED] = key, message
    return message
