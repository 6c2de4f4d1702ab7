"""One client's side of a comparison with one other client: four letters, each sealed but the first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from client_sdk.comparison.blinding import POINT_BYTES, blind, point
from protocols.errors import DataError, NotSealed
from protocols.sealing.route import Route
from protocols.sealing.session import SealedSession
from protocols.wire.messages import MOST_CONTACTS

LEAST: Final = 64  # points in a list
AGREES, DIFFERS = 3, 4  # numbers of the last letter
RATIO: Final = 4  # of the lengths of two lists, at most


@final
@dataclass(frozen=True, slots=True)
class PairSeal:
    """What seals the letters between two clients, either way."""

    there: SealedSession = field(repr=False)
    back: SealedSession = field(repr=False)

    def seal(self, content: bytes, *, number: int) -> bytes:
        """Seal a letter to the other side; a number is used once."""
        return self.there.seal_request(content, counter=number)

    def open(self, letter: bytes, *, number: int) -> bytes:
        """Open a letter of the other side; NotSealed where it was changed on the way, or is none of its."""
        return self.back.open_request(letter, counter=number)

    def verdict(self, agrees: bool) -> bytes:
        """Return the last letter; each of the two has a number of its own, and so a nonce."""
        return self.seal(b"", number=AGREES if agrees else DIFFERS)

    def agrees(self, letter: bytes) -> bool:
        """Return which verdict the other side came to; NotSealed as in `open`."""
        try:
            return self.open(letter, number=AGREES) == b""
        except NotSealed:
            return self.open(letter, number=DIFFERS) != b""


@final
class Pair:
    """Private set intersection of two lists of contacts: each side learns which of its own rows the other lacks.

    Each blinds its list, and then the other's; a contact that both list becomes the same point, whoever was first.

    Security: semi-honest in this, each learns of the other's list which of its own rows are in it, and its length up
        to a factor of 2: lists are filled up with points that mean nothing, and are in an order drawn from the secret.
        One that lies can ask in this way about contacts that it makes up, about `RATIO` times as many as the other
        side's list holds with what fills it up, once a run. Whoever carries the letters sees their sizes.
    Source:
        Meadows, A more efficient cryptographic matchmaking protocol (IEEE S&P 1986); Huberman, Franklin, Hogg,
        Enhancing privacy and trust in electronic communities (EC 1999).
    """

    def __init__(self, run: bytes, name: str, other: str, *, items: Sequence[bytes], secret: bytes) -> None:
        """Take this side's list; whatever is drawn follows from a secret of this and all other lists of the client.

        Raises:
            DataError: it is too long.
        """
        if len(items) > MOST_CONTACTS:
            raise DataError(
                f"got {len(items):,} contacts with agents of {other}; clients compare {MOST_CONTACTS:,} at most: ask "
                "for a manifest without compare_contacts"
            )
        self.there, self._back = Route(run, name, other), Route(run, other, name)
        self._secret = HKDF(algorithm=SHA256(), length=32, salt=None, info=self.there.header(b"pair")).derive(secret)
        self._key, self._factor = self._scalar(b"key"), self._scalar(b"factor")
        length = max(LEAST, 1 << (len(items) - 1).bit_length()) if items else LEAST
        fillers = (self._scalar(b"filler " + number.to_bytes(8, "big")) for number in range(length - len(items)))
        points = [*blind(self._factor, [point(each) for each in items]), *(_public(each) for each in fillers)]
        self._order = sorted(range(length), key=lambda index: self._draw(b"order " + index.to_bytes(8, "big")))
        self._list = [points[index] for index in self._order]
        self._count, self._theirs = len(items), list[bytes]()

    def key(self) -> bytes:
        """Return this side's public key of the run, which it signs in its first letter."""
        return _public(self._key)

    def meet(self, key: bytes) -> PairSeal:
        """Return what both seal with, derived from the other side's key.

        Raises:
            NotSealed: it is none.
        """
        try:
            secret = self._key.exchange(X25519PublicKey.from_public_bytes(key))
        except ValueError:
            raise NotSealed(f"{self._back.client} showed a key that is none of X25519; ask its operator") from None
        return PairSeal(SealedSession.of(self.there, secret), SealedSession.of(self._back, secret))

    def contacts(self) -> bytes:
        """Return the own list, blinded."""
        return b"".join(self._list)

    def answer(self, theirs: bytes) -> bytes:
        """Return the other side's list, blinded by this side too; nothing where it is too long for this side's.

        Raises:
            NotSealed: it is no list.
        """
        each = _points(theirs)
        if len(each) > RATIO * len(self._list):
            return b""
        self._theirs = blind(self._factor, each)
        return b"".join(self._theirs)

    def missing(self, answer: bytes) -> list[int] | None:
        """Return which of the own items the other side lacks, by their places; None where it did not compare.

        Raises:
            NotSealed: it is no answer to the own list.
        """
        each = _points(answer)
        if not each or not self._theirs:
            return None
        if len(each) != len(self._list):
            raise NotSealed(f"{self._back.client} answered a list of another length; its program differs, or it lies")
        known = set(self._theirs)
        return sorted(
            index for index, mine in zip(self._order, each, strict=True) if index < self._count and mine not in known
        )

    def _scalar(self, what: bytes) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self._draw(what))

    def _draw(self, what: bytes) -> bytes:
        return hashlib.sha256(self._secret + what).digest()


def _public(scalar: X25519PrivateKey) -> bytes:
    """Return a point of which nobody can tell that it is no blinded one."""
    return scalar.public_key().public_bytes_raw()


def _points(content: bytes) -> list[bytes]:
    if len(content) % POINT_BYTES:
        raise NotSealed(f"got a list of contacts of {len(content)} bytes; whole points of {POINT_BYTES} are needed")
    return [content[start : start + POINT_BYTES] for start in range(0, len(content), POINT_BYTES)]
