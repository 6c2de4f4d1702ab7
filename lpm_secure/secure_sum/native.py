"""The secure sum over gRPC and mutual TLS: institutions and aggregators are processes of their own."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, final

import numpy as np

from client_sdk.secure_sum.contribution import F64
from lpm_secure.audit.collect import collect
from lpm_secure.engine.announcement import announce
from lpm_secure.engine.masked_part import MaskedAnnouncer, announcer_of
from lpm_secure.run.processes import watch
from lpm_secure.secure_sum.recall import recall
from lpm_secure.secure_sum.transport import OpenedSum, Reason, RoundCounter, SumTransport, words_of
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64
from protocols.task import manifest as manifests
from protocols.task.manifest import is_active
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.messages import Announcement
from protocols.wire.transport import Transport

Sum = tuple[I64, tuple[str, ...], tuple[str, ...]]
GRACE_S: Final = 30.0  # for institutions to end by themselves after the last round


@final
@dataclass(slots=True, eq=False)
class NativeSum(SumTransport):
    """Each institution is a process that reads only its own files; each aggregator one that holds only shares.

    A context: processes start with the first round, and end with it.

    Attributes:
        deployment: its processes.

    Security: this side, the engine, announces, and sees sums over at least `min_cohort` institutions alone. On one
        machine of one user nothing is hidden from that user; the same processes run between machines. Whose fault a
        sum out of range is the aggregators find out among themselves: the engine chooses nobody, and is told one sum.
    """

    deployment: SumDeployment
    _counter: RoundCounter = field(init=False, repr=False)
    _runner: asyncio.Runner = field(init=False, repr=False, default_factory=asyncio.Runner)
    _transports: list[Transport] = field(init=False, repr=False, default_factory=list)
    _announcer: MaskedAnnouncer | None = field(init=False, repr=False, default=None)
    _left_out: dict[str, Reason] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Begin before the first round."""
        self._counter = RoundCounter(self.manifest)

    @property
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""
        return self.deployment.manifest

    def __enter__(self) -> Self:
        """Begin; nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes, and put the ledgers where `lpm audit` looks for them."""
        try:
            if self._counter.round == self.manifest.rounds:
                self.deployment.wait_for_clients(timeout_s=GRACE_S)
            self._runner.run(self._left())
            self._runner.close()
        finally:
            self.deployment.stop()
        if self._transports:
            collect(self.deployment)

    def open(self, announced: F64) -> OpenedSum:
        """Announce in one round of the run, and get the sum of what institutions answer in the next one."""
        self._counter.require(announced)
        if not self._transports:
            self.deployment.write()
            self.deployment.start()
            self._transports = self._runner.run(self._reached())
            if is_active(self.manifest):
                folder = self.deployment.party(ENGINE)
                self._announcer = announcer_of(self.manifest, self._transports, folder)
        words = words_of(announced)
        step = 2 * self._counter.round
        self._runner.run(self._advance(step, words))
        total, members, refused = self._runner.run(self._advance(step + 1, np.zeros_like(words)))
        recall(self.deployment.institutions, self.deployment.folder / "parties", self.manifest)
        self._left_out |= dict.fromkeys(refused, Reason.GARBAGE)
        return self._counter.count(total, members, self._left_out)

    async def _play(self, step: int, words: I64) -> Sum:
        """Return what a round released, whom it is over, and who was found to send garbage in it or by now."""
        if self._announcer is not None:
            size = self._announcer.plan.announcement_words(RoundNumber(step))
            reading = await self._announcer.advance(step, words[:size])
            return reading.release, tuple(sorted(reading.accepted)), reading.refused
        call = Announcement(manifests.run_id(self.manifest), Step(step), words)
        release = await announce(self.manifest, self._transports, call)
        return release.words, release.names, release.refused

    async def _advance(self, step: int, words: I64) -> Sum:
        """Drive one round of the run, while all processes are watched."""
        advancing = asyncio.ensure_future(self._play(step, words))
        watching = asyncio.ensure_future(watch(self.deployment))
        try:
            await asyncio.wait({advancing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # raises
            return await advancing
        finally:
            for task in (advancing, watching):
                task.cancel()
                with contextlib.suppress(BaseException):
                    await task

    async def _reached(self) -> list[Transport]:
        return self.deployment.transports()

    async def _left(self) -> None:
        for transport in self._transports:
            await transport.close()
