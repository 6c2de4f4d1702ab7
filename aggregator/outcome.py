"""Outcome mode at one aggregator: hazards and thresholds as shares, and one secure comparison per agent and step."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

import numpy as np

from aggregator.store import Kept, Store
from protocols.errors import Unavailable
from protocols.fixed import I64, U64, from_ring, to_ring
from protocols.layout import Layout
from protocols.manifest import Manifest
from protocols.messages import Compared, ComparedQuery
from protocols.schedule import Phase

LOG: Final = logging.getLogger("aggregator")
ATTEMPTS: Final = 5


class Comparer(Protocol):
    """Compares shares together with the other aggregators' comparers."""

    async def compare(self, h: I64, tau: I64, *, step: int, bits: int) -> tuple[bytes, I64]:
        """Return the name of this joint comparison, 32 bytes, and int64[n], a share of the bits `h > tau`."""


class ComparingPeer(Protocol):
    """Another aggregator, as a comparison needs it."""

    async def compared(self, query: ComparedQuery) -> Compared:
        """Ask which comparison of a step it has kept."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """This aggregator's shares of what nobody may know: uint64[n] each.

    Attributes:
        hazard: H_i as far as it came from other clients, summed up to now.
        own: the part of H_i that the agent's client knows by itself, as it told last.
        tau: the agents' thresholds.
    """

    hazard: U64 = field(repr=False)
    own: U64 = field(repr=False)
    tau: U64 = field(repr=False)

    def encode(self) -> bytes:
        """Return the bytes that a store keeps."""
        return self.hazard.tobytes() + self.own.tobytes() + self.tau.tobytes()

    @classmethod
    def decode(cls, content: bytes, n: int) -> "Hidden":
        """Read what `encode` wrote; zeros from nothing."""
        words = np.frombuffer(content, dtype=np.uint64) if content else np.zeros(3 * n, dtype=np.uint64)
        return cls(words[:n], words[n : 2 * n], words[2 * n :])


@final
class Outcome:
    """Updates hidden shares round by round, and compares them.

    Every agent is compared in every step, infected or not, so that sizes and timing show nothing. The aggregators tell
    a comparison's result only when all of them have kept the same one; else they do it again, on the same shares.

    Security: this aggregator learns no hazard, no threshold and no bit, unless all aggregators pool their shares, or
        one of them colludes with the dealer.
    """

    def __init__(
        self, manifest: Manifest, run: bytes, store: Store, *, comparer: Comparer, peers: Sequence[ComparingPeer]
    ) -> None:
        """Go on from what the store kept."""
        self._manifest, self._run, self._store = manifest, run, store
        self._comparer, self._peers = comparer, peers
        self._layout = Layout.of(manifest)
        self._bits = (manifest.hazard_bound + 1).bit_length()
        self._kept = store.kept(run)
        self._disowned = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._disowned = False

    async def combine(self, number: int, total: U64, members: Sequence[str], hidden: Hidden) -> tuple[U64, Hidden]:
        """Take a round's total in.

        Args:
            number: of the round.
            total: uint64, this aggregator's share of the sum over clients.
            members: the clients that took part.
            hidden: as it was before the round.

        Returns:
            What clients and engine get their parts of, and the hidden shares after the round.
        """
        phase = self._manifest.schedule.phase(number)
        if phase == Phase.THRESHOLDS:
            return total, Hidden(hidden.hazard, hidden.own, total)
        if phase == Phase.SPEAK:
            n, c = self._layout.n, self._layout.c
            beta = np.array(self._manifest.model.beta, dtype=np.uint64)
            increment = (total[: n * c].reshape(n, c) * beta).sum(axis=1, dtype=np.uint64)
            return total, Hidden(hidden.hazard + increment, hidden.own, hidden.tau)
        # Clients tell their own hazard as a sum from the beginning: told twice, it still counts once.
        own = hidden.own.copy()
        for client in members:
            first, end = self._layout.own[client]
            own[first:end] = total[first:end]
        after = Hidden(hidden.hazard, own, hidden.tau)
        return await self._decide(number, after), after

    async def compared(self, number: int) -> bytes:
        """Return the name of the comparison that is kept for a round, or nothing; waits for one under way."""
        try:
            await asyncio.wait_for(self._idle.wait(), self._manifest.round_timeout_s)
        except TimeoutError:
            self._disowned = True  # who says that it has none must never have it: the other one counts on that
            return b""
        return self._kept.name if self._kept is not None and self._kept.number == number else b""

    async def _decide(self, number: int, hidden: Hidden) -> U64:
        """Compare until all aggregators have kept the same comparison, and return the bits' shares, uint64[n]."""
        query = ComparedQuery(self._run, self._manifest.schedule.step(number))
        for _ in range(ATTEMPTS):
            if self._kept is None or self._kept.number != number:
                await self._compare(number, hidden)
            mine = self._kept
            answers = await asyncio.gather(*(peer.compared(query) for peer in self._peers))
            if mine is not None and all(answer.name == mine.name for answer in answers):
                return np.frombuffer(mine.bits, dtype=np.uint64)
            LOG.warning("comparison is done again", extra={"facts": {"round": number}})
            self._kept = None
        raise Unavailable(f"the aggregators could not agree on a comparison in {ATTEMPTS} attempts; call again")

    async def _compare(self, number: int, hidden: Hidden) -> None:
        self._idle.clear()
        self._disowned = False
        try:
            h, tau = from_ring(hidden.hazard + hidden.own), from_ring(hidden.tau)
            name, bits = await self._comparer.compare(h, tau, step=number, bits=self._bits)
            if self._disowned:
                return
            kept = Kept(number, name, to_ring(bits).tobytes())
            self._store.keep(self._run, kept)
            self._kept = kept
        finally:
            self._idle.set()
