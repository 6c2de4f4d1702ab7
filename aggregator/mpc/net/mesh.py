"""A full mesh, and openings over it: every party sends all others its share, after a stamp that must be the same."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import final

import numpy as np

from aggregator.mpc.keystream import U64
from aggregator.mpc.net.frames import STAMP_BYTES, Stamp
from aggregator.mpc.net.links import Link, LinkState, Transfer, exchange

Combine = Callable[[U64, U64, U64], object]  # as np.add or np.bitwise_xor: two inputs and where the result goes


@final
class Mesh:
    """This party's links to all others, and the counters that its stamps carry."""

    __slots__ = (
        "_digest",
        "_join_timeout_s",
        "_links",
        "_opening",
        "_operation",
        "_session",
        "_timeout_s",
        "k",
        "rank",
    )

    def __init__(
        self, rank: int, links: Mapping[int, Link], session: bytes, *, timeout_s: float, join_timeout_s: float
    ) -> None:
        """Take over the links that a session was made with."""
        self.rank, self.k = rank, len(links) + 1
        self._links, self._session, self._timeout_s = links, session, timeout_s
        self._join_timeout_s = join_timeout_s
        self._operation, self._opening, self._digest = 0, 0, session

    @property
    def alive(self) -> bool:
        """Whether to go on with this session: all connections are open, or another party has begun the next operation.

        In the latter case it may have failed at it, which the operation itself then tells at once.
        """
        states = {link.state() for link in self._links.values()}
        return LinkState.PENDING in states or LinkState.CLOSED not in states

    @property
    def name(self) -> bytes:
        """Return the name of the operation under way, 32 bytes: the same at all parties, and never used again."""
        return hashlib.sha256(self._digest + self._operation.to_bytes(8, "big")).digest()

    def begin(self, kind: bytes, step: int) -> None:
        """Begin the next operation: its kind, size and step go into every stamp."""
        self._digest = hashlib.sha256(self._session + step.to_bytes(8, "big") + kind).digest()
        self._operation += 1
        self._opening = 0

    def send_keys(self, mine: Mapping[int, bytes], n_bytes: int) -> dict[int, bytes]:
        """Send each party its own bytes; return what each sent to this one. Others may still be joining."""
        received = {rank: bytearray(n_bytes) for rank in self._links}
        transfers = [Transfer(link, [mine[rank]], [received[rank]]) for rank, link in self._links.items()]
        exchange(transfers, timeout_s=self._join_timeout_s)
        return {rank: bytes(data) for rank, data in received.items()}

    def open(self, own: Sequence[U64], combine: Combine, *, drawn: int, batches: int) -> list[U64]:
        """Combine everybody's shares.

        Args:
            own: this party's shares.
            combine: how two shares make one.
            drawn: words drawn from keys that parties share.
            batches: batches of the dealer's randomness taken.
        Raises:
            PartiesDisagree: another party stands elsewhere; nothing was combined.
            Unavailable: a party is gone or late.
        """
        total, *others = self._exchange(own, drawn=drawn, batches=batches).values()
        for more in [*others, own]:
            for out, share in zip(total, more, strict=True):
                combine(out, share, out)
        return total

    def gather(self, own: bytes, *, drawn: int, batches: int) -> list[bytes]:
        """Send all parties the same bytes, whole words, and return what each of them sent, by rank.

        Nothing is combined, so none of them has a say in what another one is heard to send.

        Raises:
            PartiesDisagree, Unavailable: as `open` does.
        """
        words = [np.frombuffer(own, np.uint64)]
        rows = {rank: row.tobytes() for rank, (row,) in self._exchange(words, drawn=drawn, batches=batches).items()}
        return [own if rank == self.rank else rows[rank] for rank in range(self.k)]

    def _exchange(self, own: Sequence[U64], *, drawn: int, batches: int) -> dict[int, list[U64]]:
        """Send all parties arrays, and return what each of the others sent, by rank."""
        length = sum(share.nbytes for share in own)
        stamp = Stamp(self._digest, self._operation, self._opening, drawn, batches, length)
        self._opening += 1
        theirs = {rank: [np.empty_like(share) for share in own] for rank in self._links}
        transfers = [self._transfer(link, stamp, own, theirs[rank]) for rank, link in self._links.items()]
        exchange(transfers, timeout_s=self._timeout_s)
        return theirs

    def _transfer(self, link: Link, stamp: Stamp, own: Sequence[U64], into: Sequence[U64]) -> Transfer:
        head = bytearray(STAMP_BYTES)
        out, incoming = [share.data for share in own], [share.data for share in into]
        return Transfer(link, [stamp.encode(), *out], [head, *incoming], lambda: stamp.require(bytes(head), link.name))

    def close(self) -> None:
        """Close all links: the other parties notice, and join again."""
        for link in self._links.values():
            link.close()

    def retire(self) -> None:
        """Give up all links after an error."""
        for link in self._links.values():
            link.retire()
