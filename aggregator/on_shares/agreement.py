"""Computations of all aggregators together, and how they settle on one result although any of them may fail."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

import numpy as np

from aggregator.on_shares.backend import Calculator, JointBackend, Program
from aggregator.release.ledger import Ledger
from aggregator.store import JointResult, Store, VerdictRecord
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64
from protocols.errors import OutOfRange, RepeatSpent, ResultsDiffer
from protocols.task.rounds import Schedule
from protocols.wire.messages import Computation, ComputationQuery

LOG: Final = logging.getLogger("aggregator")


class AgreementPeer(Protocol):
    """Another aggregator, as a joint computation needs it."""

    async def result_name(self, query: ComputationQuery) -> Computation:
        """Ask which computation of a round it has kept."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class ResultShare:
    """What a joint computation left at this aggregator.

    Attributes:
        name: of the computation.
        words: int64, this aggregator's shares.
        in_range: whether all words that clients shared were in their ranges; opened, so the same everywhere.
    """

    name: bytes
    words: I64 = field(repr=False)
    in_range: bool = True


@final
class Agreement:
    """Settles on one result per round: the aggregators go on only when all of them have kept the same one.

    Shares of two computations do not fit together, so after a crash the last one may have to be done again, on the
    same shares. What it opens, the verdict on ranges, is then opened again. That is allowed once in a run, and stands
    in the ledger; a computation that failed before this aggregator showed its share of a verdict is no repeat of
    anything, for all else that it showed was masked by words that serve once.

    Security: an aggregator that lies chooses what a verdict tells it. So there is one verdict in a round, and a bad one
        ends the run; who holds another result ends it too; and a claimed crash gives one more, in the whole run.
    """

    def __init__(
        self,
        schedule: Schedule,
        run: bytes,
        store: Store,
        *,
        backend: JointBackend,
        peers: Sequence[AgreementPeer],
        ledger: Ledger | None = None,
        timeout_s: float,
    ) -> None:
        """Go on from what the store kept."""
        self._schedule, self._run, self._store, self._ledger = schedule, run, store, ledger
        self._backend, self._peers, self._timeout_s = backend, peers, timeout_s
        self._kept, self._shown = store.joint_result(run), store.last_verdict(run)
        self._disowned = self._joined = self._opened = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def result_name(self, number: RoundNumber) -> bytes:
        """Return the name of the computation that is kept for a round, or nothing; waits for one that all are in.

        One that the others have still to join is none that any of them can hold.
        """
        if self._kept is not None and self._kept.number == number:
            return self._kept.name
        if not self._idle.is_set() and not self._joined:
            return b""
        try:
            await asyncio.wait_for(self._idle.wait(), self._timeout_s)
        except TimeoutError:
            self._disowned = True  # who says that it has none must never have it: the other one counts on that
            return b""
        return self._kept.name if self._kept is not None and self._kept.number == number else b""

    def opening(self) -> None:
        """Note that this aggregator is about to show its share of a verdict."""
        self._opened = True

    async def settle(self, number: RoundNumber, program: Program[ResultShare], *, kind: bytes) -> ResultShare:
        """Compute until all aggregators have kept the same result of a round, and return this one's part of it.

        Raises:
            OutOfRange: somebody shared a number that is out of its range.
            ResultsDiffer: another aggregator says that it holds another result.
            RepeatSpent: it would be the second repeat of the run.
        """
        schedule = self._schedule
        query = ComputationQuery(self._run, schedule.step(number), schedule.phase(number))
        self._require_same(number, kind)
        while True:
            if self._kept is None or self._kept.number != number:
                await self._compute(number, program, kind)
            mine = self._kept
            answers = await asyncio.gather(*(peer.result_name(query) for peer in self._peers))
            names = {answer.name for answer in answers}
            if mine is not None and names <= {mine.name}:
                return ResultShare(mine.name, np.frombuffer(mine.words, dtype=np.int64))
            if mine is not None and names - {b"", mine.name}:
                raise ResultsDiffer(
                    f"an aggregator holds another result of step {query.step} than this one; nothing is computed "
                    "again, and the run ends"
                )
            self._kept = None

    def _require_same(self, number: RoundNumber, kind: bytes) -> None:
        """Refuse to go on with a round over other clients than those whose verdict may have been shown."""
        if self._shown.number == number and self._shown.over != hashlib.sha256(kind).digest():
            raise ResultsDiffer(
                f"an aggregator counts other clients in step {self._schedule.step(number)} than when it was "
                "computed first; the run ends"
            )

    async def _compute(self, number: RoundNumber, program: Program[ResultShare], kind: bytes) -> None:
        """Compute once, and keep the result.

        That a verdict may be shown is written down before: whoever stops in the middle of it has had it.
        """
        before = self._shown
        self._show(number, hashlib.sha256(kind).digest())

        def begun(calculator: Calculator) -> ResultShare:
            self._joined = True
            return program(calculator)

        self._disowned = self._joined = self._opened = False
        self._idle.clear()
        try:
            result = await self._backend.compute(begun, kind=kind, round_number=number)
            if not result.in_range:
                raise OutOfRange(
                    f"somebody shared a number outside of the manifest's ranges in step "
                    f"{self._schedule.step(number)}; nothing of this round counted, and the run ends; this "
                    "build cannot tell who it was"
                )
            if not self._disowned:
                kept = JointResult(number, result.name, result.words.tobytes())
                self._store.save_result(self._run, kept)
                self._kept = kept
        except Exception:  # not where this task is cancelled: the computation goes on in its thread
            if not self._opened:
                self._take_back(before)
            raise
        finally:
            self._idle.set()

    def _show(self, number: RoundNumber, over: bytes) -> None:
        """Write down that a round's verdict may be shown; where it may have been before, that is the run's repeat."""
        again = self._shown.number == number and not self._shown.granted
        if again and self._shown.repeated:
            raise RepeatSpent(
                f"the joint computation of step {self._schedule.step(number)} would have to be done again, "
                "and a run allows that once; the run ends"
            )
        if again:
            reason = "a computation ended here or at another aggregator before all had kept its result"
            LOG.warning("computation is done again", extra={"facts": {"round": number}})
            if self._ledger is not None:
                self._ledger.write_repeat(number, reason)
        self._write(VerdictRecord(number, over, self._shown.repeated or again))

    def _take_back(self, before: VerdictRecord) -> None:
        """Write down that nothing was shown since a record; a repeat in it stays one, and over the same clients."""
        now = self._shown
        if before.number == now.number:
            self._write(VerdictRecord(now.number, now.over, now.repeated, granted=True))
        else:
            self._write(VerdictRecord(repeated=now.repeated))

    def _write(self, shown: VerdictRecord) -> None:
        self._store.save_verdict(self._run, shown)
        self._shown = shown
