"""The secure sum over gRPC and mutual TLS: institutions and aggregators are processes of their own."""

import asyncio
import contextlib
from dataclasses import dataclass
from types import TracebackType
from typing import Final, final

import numpy as np

from lpm_secure.audit.collect import collect
from lpm_secure.run.processes import watch
from lpm_secure.secure_sum.announcer import AnnouncedSum, ReleasedSum, SumAnnouncer
from lpm_secure.secure_sum.recall import recall
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.arithmetic.fixed_point import I64
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.spec import SecureSum

GRACE_S: Final = 30.0  # for institutions to end by themselves after the last round


@final
@dataclass(slots=True, eq=False)
class NativeSum(AnnouncedSum):
    """Each institution is a process that reads only its own files; each aggregator one that holds only shares.

    A context: processes start with the first round, and end with it.

    Attributes:
        deployment: its processes.

    Security: this side, the engine, announces, and sees sums over at least `min_cohort` institutions alone. On one
        machine of one user nothing is hidden from that user; the same processes run between machines. Whose fault a
        sum out of range is the aggregators find out among themselves: the engine chooses nobody, and is told one sum.
    """

    deployment: SumDeployment

    @property
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""
        return self.deployment.manifest

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes, and put the ledgers where `lpm audit` looks for them."""
        try:
            if self._counter.round == self.manifest.rounds:
                self.deployment.wait_for_clients(timeout_s=GRACE_S)
            self._leave()
        finally:
            self.deployment.stop()
        if self._transports:
            collect(self.deployment)

    def _released(self, number: int, words: I64) -> ReleasedSum:
        announcer = self._announcer or self._start()
        self._runner.run(self._advance(announcer, 2 * number, words))
        opened = self._runner.run(self._advance(announcer, 2 * number + 1, np.zeros_like(words)))
        recall(self.deployment.institutions, self.deployment.folder / "parties", self.manifest)
        return opened

    def _start(self) -> SumAnnouncer:
        """Start all processes, and return the way to announce to them."""
        self.deployment.write()
        self.deployment.start()
        return self._reach(self.deployment.transports, self.deployment.party(ENGINE))

    async def _advance(self, announcer: SumAnnouncer, step: int, words: I64) -> ReleasedSum:
        """Drive one round of the run, while all processes are watched."""
        advancing = asyncio.ensure_future(announcer.advance(step, words))
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
