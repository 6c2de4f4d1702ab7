"""One round of one run at one aggregator: shares come in, the set of members is decided, the sum is told."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final, final

import msgspec
import numpy as np

from aggregator.store import PastRelease, PendingRound, RoundClosure
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import CohortTooSmall, ConflictingReplay, LpmError, RunEnded
from protocols.quantity import quantity
from protocols.wire.messages import Members

LOG: Final = logging.getLogger("aggregator")


def digest(share: U64, start: bytes) -> bytes:
    """Return what a share is recognised by, 32 bytes."""
    return hashlib.sha256(start + share.tobytes()).digest()


def agree(mine: Mapping[str, bytes], others: Sequence[Members]) -> set[str]:
    """Return whom all aggregators count in a round: who shared with all of them, from one start.

    Two starts of a client, whose folder was copied or put back, share under keys of their own: the share of one and the
    share of the other add up to nothing that either told. Where aggregators have heard another one each, it is away.

    Args:
        mine: of the clients whose shares this aggregator has, their starts.
        others: what the other aggregators have.
    """
    theirs = [dict(zip(each.names, each.starts, strict=True)) for each in others]
    both = set(mine).intersection(*theirs)
    agreed = {client for client in both if all(each[client] == mine[client] for each in theirs)}
    for client in sorted(both - agreed):
        LOG.warning("two starts of a client in one round; it is away", extra={"facts": {"client": client}})
    return agreed


def too_small(n_clients: int, what_now: str, *, least: int) -> CohortTooSmall:
    """Return the error of a sum over fewer clients than promised."""
    over = quantity(n_clients, "client")
    return CohortTooSmall(f"cannot release a sum of {over}: the manifest promises {least}; {what_now}")


def count_in(done: RoundClosure, last: RoundClosure | None) -> RoundClosure:
    """Return a round that closed, with the last round of each client in which its share counted."""
    before = {} if last is None else last.counted_in
    return msgspec.structs.replace(done, counted_in=before | dict.fromkeys(done.members, done.number))


def count_of(last: RoundClosure | None, client: str) -> RoundNumber | None:
    """Return the last round in which a client's share counted, if there is one."""
    return None if last is None else last.counted_in.get(client)


@final
class Round:
    """Mutable, and touched only from the event loop's thread: every change happens between two awaits.

    Attributes:
        number: of the round, by the run's schedule; step: that it belongs to.
        shares: what each client sent, read-only, its words or none; starts: under which start.
        synthetic: what the engine announced; zeros from the start where the run has no engine.
        decided: the members, once this aggregator has decided.
        deadlines: how many have passed while too few were in.
    """

    def __init__(self, number: RoundNumber, step: Step, synthetic: I64 | None) -> None:
        """Begin a round."""
        self.number = number
        self.step = step
        self.shares: dict[str, U64] = {}
        self.digests: dict[str, bytes] = {}
        self.starts: dict[str, bytes] = {}
        self.synthetic = synthetic
        self.decided: tuple[str, ...] | None = None
        self.deadlines = 0
        self.frozen = asyncio.Event()
        self.closed = asyncio.Event()
        self._done: RoundClosure | None = None
        self._over: RunEnded | None = None
        self._waiters: set[asyncio.Future[RoundClosure]] = set()

    def submit(self, client: str, share: U64, start: bytes) -> None:
        """Take a client's share, once; when the members are decided, it is too late, and nothing is taken.

        Raises:
            ConflictingReplay: it sent another one before, or another start of it did.
        """
        mark = digest(share, start)
        if client in self.digests:
            if self.starts[client] != start:
                raise ConflictingReplay(
                    f"another start of {client}, or of a copy of its folder, has shared for step {self.step} already; "
                    "let one of them alone take part"
                )
            if self.digests[client] != mark:
                raise ConflictingReplay(
                    f"{client} sent two different shares for step {self.step}; the first one counts"
                )
        elif self.decided is None:
            self.shares[client] = share
            self.digests[client], self.starts[client] = mark, start

    def announce(self, synthetic: I64) -> None:
        """Take the engine's announcement, once.

        Raises:
            ConflictingReplay: it announced something else before.
        """
        if self.synthetic is not None and not np.array_equal(self.synthetic, synthetic):
            raise ConflictingReplay(
                f"the engine announced two different totals for step {self.step}; the first one counts"
            )
        self.synthetic = synthetic

    def complete(self, waited_for: set[str]) -> bool:
        """Tell whether the engine and all that are waited for are in."""
        return self.synthetic is not None and waited_for <= self.shares.keys()

    def freeze(self) -> None:
        """Decide that whoever is in takes part."""
        self.decided = tuple(sorted(self.shares))
        self.frozen.set()

    def resume(self, pending: PendingRound) -> None:
        """Take in what was decided on before this process started."""
        for client, share in pending.shares.items():
            self.submit(client, np.frombuffer(share, dtype=np.uint64), pending.starts.get(client, b""))
        self.synthetic = np.frombuffer(pending.synthetic, dtype=np.int64)
        self.freeze()

    @property
    def decided_starts(self) -> tuple[bytes, ...]:
        """Return under which start each share of a decided member is, in their order."""
        return tuple(self.starts[client] for client in self.decided or ())

    def pending(self) -> PendingRound:
        """Return what is kept of this round until it closes."""
        shares = {client: share.tobytes() for client, share in self.shares.items()}
        synthetic = b"" if self.synthetic is None else self.synthetic.tobytes()
        return PendingRound(self.number, shares, synthetic, self.starts)

    async def outcome(self) -> RoundClosure:
        """Wait until the round closes, or fails for those that wait now."""
        if self._done is not None:
            return self._done
        if self._over is not None:
            raise type(self._over)(str(self._over))
        future: asyncio.Future[RoundClosure] = asyncio.get_running_loop().create_future()
        self._waiters.add(future)
        try:
            return await future
        finally:
            self._waiters.discard(future)

    def closure(
        self,
        members: tuple[str, ...],
        total: U64,
        *,
        hidden: bytes,
        counted: bytes,
        public: bytes = b"",
        release: PastRelease | None = None,
    ) -> RoundClosure:
        """Return what this round leaves: its members, their digests, what was announced, and what it came to."""
        digests = {client: self.digests[client] for client in members}
        synthetic = b"" if self.synthetic is None else self.synthetic.tobytes()
        decided = self.decided or ()
        kept = (self.number, decided, members, digests, total.tobytes(), synthetic, hidden)
        return RoundClosure(*kept, counted=counted, public=public, release=release, decided_starts=self.decided_starts)

    def close(self, done: RoundClosure) -> None:
        """Tell all that wait."""
        self._done = done
        self.closed.set()
        for future in self._waiters:
            if not future.done():
                future.set_result(done)

    def fail(self, error: LpmError) -> None:
        """Tell all that wait why the round does not close; what came in is kept, so that they may call again.

        Where the run ends with it, whoever was about to wait is told so too.
        """
        self._over = error if isinstance(error, RunEnded) else self._over
        for future in self._waiters:
            if not future.done():
                future.set_exception(type(error)(str(error)))
