"""Devices: clients of one agent each, whose contacts no server sees. What all parties must agree on."""

import hmac
from collections.abc import Iterable
from typing import Annotated, Final, final

import msgspec
import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocols.arithmetic.fixed_point import I64
from protocols.errors import DataError

TOKEN_BYTES: Final = 16
TOKEN_WORDS: Final = TOKEN_BYTES // 8
LISTS: Final = 2  # tokens of out-slots, and of in-slots
_INFO: Final = b"lpm edge token"
Bools = npt.NDArray[np.bool_]


@final
class Devices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a run over permuted edges says of its clients, one agent each.

    Attributes:
        degree: D. Every client has D out-slots and D in-slots in every step, so that nobody sees how many it uses. It
            is the most contacts that an agent may have on one day.
    """

    degree: Annotated[int, msgspec.Meta(ge=1, le=1024)]


def edge_key(own: X25519PrivateKey, other: bytes, run: bytes) -> bytes:
    """Return the key, 32 bytes, that the two ends of an edge share in a run, and nobody else has.

    Raises:
        DataError: the other end's key is no public key of X25519.
    """
    try:
        secret = own.exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError as error:
        raise DataError("a contact's key is no public key of X25519; exchange keys again") from error
    return HKDF(algorithm=SHA256(), length=32, salt=run, info=_INFO).derive(secret)


def edge_token(key: bytes, *, day: int, sender: bytes, receiver: bytes) -> bytes:
    """Return the token, 16 bytes, of an edge's direction on a day; one cannot be linked to another without the key.

    Args:
        key: of the edge.
        day: of the contact period.
        sender, receiver: the ends' public keys.
    """
    return hmac.digest(key, day.to_bytes(8, "big") + sender + receiver, "sha256")[:TOKEN_BYTES]


def public_key(own: X25519PrivateKey) -> bytes:
    """Return the public half, 32 bytes, which a device hands to its contacts."""
    return own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def pack_presence(slots: Iterable[int], n: int) -> I64:
    """Return a bit for each of n agents, int64[ceil(n / 64)]: whether its slot is named."""
    bits = np.zeros(presence_words(n) * 64, dtype=np.uint8)
    bits[list(slots)] = 1
    return np.packbits(bits, bitorder="little").view("<i8")


def unpack_presence(bits: I64, n: int) -> Bools:
    """Read what `pack_presence` wrote, bool[n]."""
    return np.unpackbits(bits.astype("<i8").view(np.uint8), count=n, bitorder="little").astype(bool)


def presence_words(n: int) -> int:
    """Return how many words `pack_presence` has."""
    return -(-n // 64)
