"""The context of the MPC thread: its mesh, dealer and keystreams, where CrypTen's module-level state looks for them.

CrypTen keeps one communicator and one set of generators per process. Here they belong to the one thread that runs the
computation: any other thread finds nothing, and cannot draw or send out of turn.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, final

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
        return self.mesh.open(own, combine, drawn=self._drawn(), batches=self.batches)

    def coin(self) -> bytes:
        """Toss 32 bytes that no party, and no k - 1 of them, could choose.

        Raises:
            PartiesDisagree: a party showed another part than it had committed to.
        """
        parts = self.gather_by_commitment(os.urandom(COIN_BYTES))
        return hashlib.sha256(b"lpm mpc coin" + self.mesh.name + b"".join(parts)).digest()

    def gather_by_commitment(self, own: bytes, opening: Callable[[], None] = lambda: None) -> list[bytes]:
        """Show all parties some bytes and return what each showed, by rank; all commit to theirs before any is shown.

        Args:
            own: this party's bytes, whole words and as many as those of the others. 128 bits or more must be random:
                a commitment to bytes that can be guessed hides nothing.
            opening: called when this party is about to show its bytes.
        Raises:
            PartiesDisagree: a party showed something else than it had committed to.
        Security: a party that waits to see what the others show has no choice left.
        """
        name, rank = self.mesh.name, self.mesh.rank
        commitments = self._gather(_commitment(name, rank, own))
        opening()
        shown = self._gather(own)
        for party, (part, commitment) in enumerate(zip(shown, commitments, strict=True)):
            if _commitment(name, party, part) != commitment:
                raise PartiesDisagree(f"party {party} showed something else than it had committed to; stop the run")
        return shown

    def _gather(self, own: bytes) -> list[bytes]:
        return self.mesh.gather(own, drawn=self._drawn(), batches=self.batches)

    def _drawn(self) -> int:
        return sum(stream.words_drawn for name, stream in self.streams.items() if name != "local")


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
