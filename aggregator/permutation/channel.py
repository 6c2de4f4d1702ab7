"""One server's links to the other two: every message goes after a stamp that only this place in the protocol has."""

import hashlib
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Final, final

import numpy as np

from aggregator.mpc.keystream import KEY_BYTES
from aggregator.mpc.net.links import Link, LinkState, Transfer, exchange
from aggregator.permutation.roles import Role
from aggregator.permutation.stages import mask
from protocols.arithmetic.fixed_point import U64
from protocols.errors import PartiesDisagree

STAMP_BYTES: Final = 32
_ORDER: Final = struct.Struct("!8sBQ")
_MAGIC: Final = b"lpmperm1"


@final
class Channel:
    """Links, the keys that this server shares with each of the others, and the operation under way.

    Keys are fresh in every session, and an operation's name never comes twice in one: so no mask is used twice, also
    when a step is done again.
    """

    __slots__ = ("_count", "_keys", "_links", "_session", "_timeout_s", "name", "role")

    def __init__(self, role: Role, links: Mapping[Role, Link], session: bytes, *, timeout_s: float) -> None:
        """Take over checked links; keys are agreed on at once."""
        self.role, self._links, self._session, self._timeout_s = role, links, session, timeout_s
        self._count = 0
        self.name = b""
        self._keys = self._agree()

    def _agree(self) -> dict[Role, bytes]:
        """Draw a key for the next server, and take that of the one before."""
        after, before = Role((self.role + 1) % 3), Role((self.role + 2) % 3)
        mine, theirs = os.urandom(KEY_BYTES), bytearray(KEY_BYTES)
        transfers = [Transfer(self._links[after], [mine], []), Transfer(self._links[before], [], [theirs])]
        exchange(transfers, timeout_s=self._timeout_s)
        return {after: mine, before: bytes(theirs)}

    def begin(self, kind: bytes, number: int) -> None:
        """Begin the next operation; all three must begin the same ones in the same order."""
        self._count += 1
        words = self._count.to_bytes(8, "big") + number.to_bytes(8, "big")
        self.name = hashlib.sha256(b"lpm permutation" + self._session + words + kind).digest()

    def key(self, other: Role) -> bytes:
        """Return the key that this server shares with another one, and that the third lacks."""
        return self._keys[other]

    def mask(self, other: Role, what: bytes, words: int) -> U64:
        """Return the mask that this server and another one share for one message of this operation."""
        return mask(self._keys[other], self.name + what, words)

    def exchange(
        self, sent: Sequence[tuple[Role, bytes, U64]], due: Sequence[tuple[Role, bytes, int]] = ()
    ) -> list[U64]:
        """Send words to other servers and take words from them, all at once; at most one of each per server.

        Args:
            sent: receiver, name of the message, and its words.
            due: sender, name of the message, and how many words.

        Returns:
            uint64 of each that was due.
        Raises:
            PartiesDisagree: a server stands at another place; nothing it sent is used.
            Unavailable: a server is gone or late.
        """
        out: dict[Role, list[bytes | memoryview]] = {
            to: [self._stamp(what, words.size), words.data] for to, what, words in sent
        }
        got: dict[Role, U64] = {sender: np.empty(words, dtype=np.uint64) for sender, _, words in due}
        heads = {sender: bytearray(STAMP_BYTES) for sender in got}
        stamps = {sender: self._stamp(what, words) for sender, what, words in due}

        def transfer(other: Role) -> Transfer:
            if other not in got:
                return Transfer(self._links[other], out.get(other, ()), ())

            def check() -> None:
                if bytes(heads[other]) != stamps[other]:
                    raise PartiesDisagree(
                        f"{self._links[other].name} stands at another place of the permutation; nothing it sent is "
                        "used; all three servers must do the step again"
                    )

            return Transfer(self._links[other], out.get(other, ()), [heads[other], got[other].data], check)

        exchange([transfer(other) for other in out.keys() | got.keys()], timeout_s=self._timeout_s)
        return [got[sender] for sender, _, _ in due]

    def send_order(self, kind: bytes, number: int) -> None:
        """Tell C what comes next."""
        exchange([Transfer(self._links[Role.C], [_ORDER.pack(_MAGIC, kind[0], number)], [])], timeout_s=self._timeout_s)

    def receive_order(self) -> tuple[bytes, int]:
        """Wait, for as long as it takes, until A tells what comes next."""
        content = bytearray(_ORDER.size)
        exchange([Transfer(self._links[Role.A], [], [content])], timeout_s=None)
        magic, kind, number = _ORDER.unpack(bytes(content))
        if magic != _MAGIC:
            raise PartiesDisagree("the first aggregator sent bytes that are no order")
        return bytes([kind]), number

    @property
    def alive(self) -> bool:
        """Whether both links are open."""
        return all(link.state() != LinkState.CLOSED for link in self._links.values())

    def close(self) -> None:
        """Close all links: the other servers notice, and join again."""
        for link in self._links.values():
            link.close()

    def _stamp(self, what: bytes, words: int) -> bytes:
        return hashlib.sha256(self.name + words.to_bytes(8, "big") + what).digest()
