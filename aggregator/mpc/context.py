"""The context of the MPC thread: its mesh, dealer and keystreams, where CrypTen's module-level state looks for them.

CrypTen keeps one communicator and one set of generators per process. Here they belong to the one thread that runs the
computation: any other thread finds nothing, and cannot draw or send out of turn.
"""

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from aggregator.mpc.keystream import U64, Keystream
from aggregator.mpc.net.mesh import Combine, Mesh
from aggregator.mpc.randomness.correlations import Correlation
from aggregator.mpc.randomness.dealer_client import DealerClient
from protocols.errors import PartiesDisagree, ProtocolError

COIN_BYTES: Final = 32


@final
@dataclass(slots=True)
class MpcContext:
    """What a computation needs of its thread's session; mutable, for its counters are compared with the others'."""

    mesh: Mesh
    dealer: DealerClient
    streams: dict[str, Keystream] = field(default_factory=dict, repr=False)
    batches: int = 0

    def material(self, kind: Correlation) -> tuple[U64, U64]:
        """Take the next batch of correlated randomness; an index is never used twice."""
        self.batches += 1
        return self.dealer.take(kind, self.batches)

    def open(self, own: Sequence[U64], combine: Combine) -> list[U64]:
        """Open shares, if all parties stand at the same place."""
        drawn = sum(stream.words_drawn for name, stream in self.streams.items() if name != "local")
        return self.mesh.open(own, combine, drawn=drawn, batches=self.batches)

    def coin(self) -> bytes:
        """Toss 32 bytes that no party, and no k - 1 of them, could choose: each commits to its part, then shows it.

        Raises:
            PartiesDisagree: a party showed another part than it had committed to.
        """
        part = os.urandom(COIN_BYTES)
        commitments = self._broadcast(_commitment(self.mesh.name, self.mesh.rank, part))
        parts = self._broadcast(part)
        for rank, (shown, commitment) in enumerate(zip(parts, commitments, strict=True)):
            if _commitment(self.mesh.name, rank, shown) != commitment:
                raise PartiesDisagree(f"party {rank} showed another coin than it had committed to; stop the run")
        return hashlib.sha256(b"lpm mpc coin" + self.mesh.name + b"".join(parts)).digest()

    def _broadcast(self, own: bytes) -> list[bytes]:
        """Send all parties 32 bytes, and return what each of them sent."""
        table = np.zeros((self.mesh.k, COIN_BYTES // 8), np.uint64)
        table[self.mesh.rank] = np.frombuffer(own, np.uint64)
        (rows,) = self.open([table], np.bitwise_xor)
        return [row.tobytes() for row in rows]


def _commitment(name: bytes, rank: int, part: bytes) -> bytes:
    return hashlib.sha256(b"lpm mpc commitment" + name + bytes([rank]) + part).digest()


_LOCAL: Final = threading.local()


def set_context(context: MpcContext | None) -> None:
    """Make this the context of this thread; None leaves it."""
    _LOCAL.context = context


def has_context() -> bool:
    """Whether this thread has a session."""
    return getattr(_LOCAL, "context", None) is not None


def get_context() -> MpcContext:
    """Return this thread's context.

    Raises:
        ProtocolError: this is not the MPC thread, or it has no session.
    """
    context: MpcContext | None = getattr(_LOCAL, "context", None)
    if context is None:
        raise ProtocolError("this thread has no MPC session; only the worker's own thread may compute on shares")
    return context
