"""Computations of all aggregators together, and how they settle on one result although any of them may fail."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, final

import numpy as np
import numpy.typing as npt

from aggregator.store import Kept, Store
from protocols.errors import Unavailable
from protocols.fixed import I64
from protocols.manifest import Manifest
from protocols.messages import Compared, ComparedQuery

LOG: Final = logging.getLogger("aggregator")
ATTEMPTS: Final = 5
T = TypeVar("T")


class Calculator(Protocol):
    """Numbers that no aggregator holds: what a program can do with its shares of them."""

    @property
    def name(self) -> bytes:
        """Return the name of this joint computation, 32 bytes: shares of one name fit together."""

    def public(self, numbers: I64) -> I64:
        """Return this aggregator's share of numbers that everybody knows."""

    def compare(self, h: I64, tau: I64, *, bits: int) -> I64:
        """Return additive shares of the bit `h > tau`, for numbers in [0, 2**bits)."""

    def multiply(self, x: I64, y: I64) -> I64:
        """Return additive shares of the products."""

    def out_of_range(self, x: I64, bits: npt.NDArray[np.uint8], lengths: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Tell which groups of numbers have one that is not in [0, 2**bits[i])."""


Program = Callable[[Calculator], T]


class Comparer(Protocol):
    """Computes on shares together with the other aggregators' comparers."""

    async def compute(self, program: Program[T], *, kind: bytes, step: int) -> T:
        """Run a program that all aggregators run on their shares; `kind` and `step` must be the same for all."""


class ComparingPeer(Protocol):
    """Another aggregator, as a joint computation needs it."""

    async def compared(self, query: ComparedQuery) -> Compared:
        """Ask which computation of a round it has kept."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a joint computation left at this aggregator.

    Attributes:
        name: of the computation.
        words: int64, this aggregator's shares.
        refused: clients whose shares were out of their ranges; opened, so the same everywhere.
    """

    name: bytes
    words: I64 = field(repr=False)
    refused: tuple[str, ...] = ()


@final
class Joint:
    """Settles on one result per round: the aggregators go on only when all of them have kept the same one.

    Else they do it again, on the same shares: shares of two computations do not fit together.
    """

    def __init__(
        self, manifest: Manifest, run: bytes, store: Store, *, comparer: Comparer, peers: Sequence[ComparingPeer]
    ) -> None:
        """Go on from what the store kept."""
        self._manifest, self._run, self._store = manifest, run, store
        self._comparer, self._peers = comparer, peers
        self._kept = store.kept(run)
        self._disowned = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def kept(self, number: int) -> bytes:
        """Return the name of the computation that is kept for a round, or nothing; waits for one under way."""
        if self._kept is not None and self._kept.number == number:
            return self._kept.name
        try:
            await asyncio.wait_for(self._idle.wait(), self._manifest.round_timeout_s)
        except TimeoutError:
            self._disowned = True  # who says that it has none must never have it: the other one counts on that
            return b""
        return self._kept.name if self._kept is not None and self._kept.number == number else b""

    async def settle(self, number: int, program: Program[Result], *, kind: bytes) -> Result:
        """Compute until all aggregators have kept the same result of a round, and return this one's part of it."""
        schedule = self._manifest.schedule
        query = ComparedQuery(self._run, schedule.step(number), schedule.phase(number))
        for _ in range(ATTEMPTS):
            if self._kept is None or self._kept.number != number:
                await self._compute(number, program, kind)
            mine = self._kept
            answers = await asyncio.gather(*(peer.compared(query) for peer in self._peers))
            if mine is not None and all(answer.name == mine.name for answer in answers):
                return Result(mine.name, np.frombuffer(mine.words, dtype=np.int64), mine.refused)
            LOG.warning("comparison is done again", extra={"facts": {"round": number}})
            self._kept = None
        raise Unavailable(f"the aggregators could not agree on a comparison in {ATTEMPTS} attempts; call again")

    async def _compute(self, number: int, program: Program[Result], kind: bytes) -> None:
        self._idle.clear()
        self._disowned = False
        try:
            result = await self._comparer.compute(program, kind=kind, step=number)
            if self._disowned:
                return
            kept = Kept(number, result.name, result.words.tobytes(), result.refused)
            self._store.keep(self._run, kept)
            self._kept = kept
        finally:
            self._idle.set()
