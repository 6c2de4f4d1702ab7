"""The secure sum over gRPC and mutual TLS: institutions and aggregators are processes of their own."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, final

import numpy as np

from client_sdk.secure_sum.client import calibration_of
from client_sdk.secure_sum.contribution import F64
from lpm_secure.audit.collect import collect
from lpm_secure.engine.loop import RemotePart, StepRelease
from lpm_secure.run.processes import watch
from lpm_secure.secure_sum.recall import recall
from lpm_secure.secure_sum.secure_sum import OpenedSum, Reason, RoundCounter, SecureSum
from lpm_secure.testbed.deployment import Deployment
from protocols.arithmetic.fixed_point import I64
from protocols.task.manifest import Manifest
from protocols.task.secure_sum.spec import rounds
from protocols.wire.transport import Transport

GRACE_S: Final = 30.0  # for hospitals to end by themselves after the last round


@final
@dataclass(slots=True, eq=False)
class NativeSum(SecureSum):
    """Each institution is a process that reads only its own files; each aggregator one that holds only shares.

    A context: processes start with the first round, and end with it.

    Attributes:
        deployment: its processes.

    Security: this side, the engine, announces, and sees sums over at least `min_cohort` institutions alone. On one
        machine of one user nothing is hidden from that user; the same processes run between machines. Whose fault a
        sum out of range is the aggregators find out among themselves: the engine chooses nobody, and is told one sum.
    """

    deployment: Deployment
    _counter: RoundCounter = field(init=False, repr=False)
    _runner: asyncio.Runner = field(init=False, repr=False, default_factory=asyncio.Runner)
    _transports: list[Transport] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        """Begin before the first round."""
        self._counter = RoundCounter(self.manifest)

    @property
    def manifest(self) -> Manifest:
        """Return the run's manifest."""
        return self.deployment.testbed.manifest

    def __enter__(self) -> Self:
        """Begin; nothing is started yet."""
        calibration_of(self.manifest)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes, and put the ledgers where `lpm audit` looks for them."""
        try:
            if self._counter.round == rounds(self.manifest.steps):
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
        words = np.frombuffer(np.ascontiguousarray(announced, dtype="<f8").tobytes(), dtype="<i8")
        step = 2 * self._counter.round
        self._runner.run(self._advance(step, words))
        release = self._runner.run(self._advance(step + 1, np.zeros_like(words)))
        recall(self.deployment.institutions, self.deployment.folder / "parties", self.manifest)
        return self._counter.count(release.cells, release.names, dict.fromkeys(release.refused, Reason.GARBAGE))

    async def _advance(self, step: int, announced: I64) -> StepRelease:
        """Drive one round of the run, while all processes are watched."""
        part = RemotePart(self.manifest, self._transports)
        advancing = asyncio.ensure_future(part.advance(step, announced))
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
