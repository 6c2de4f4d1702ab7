"""A federation of real processes: hospitals and aggregators, over gRPC and mutual TLS."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, final

import numpy as np

from client_sdk.likelihood.institution import F64
from client_sdk.secure_sum.client import calibration_of
from lpm_secure.audit.collect import collect
from lpm_secure.engine.loop import RemotePart, StepRelease
from lpm_secure.run.processes import watch
from lpm_secure.secure_sum.federation import Federation, FederationSum
from lpm_secure.secure_sum.remote import decode_sum, recall, require_round
from lpm_secure.testbed.deployment import Deployment
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ProtocolError
from protocols.task.manifest import Manifest
from protocols.task.secure_sum.spec import rounds
from protocols.wire.transport import Transport

GRACE_S: Final = 30.0  # for hospitals to end by themselves after the last round
MOST_DISCARDED: Final = 3


@final
@dataclass(slots=True, eq=False)
class Native(Federation):
    """Each hospital is a process that reads only its own column; each aggregator one that holds only shares.

    A context: processes start with the first round, and end with it.

    Attributes:
        deployment: its processes.
        round: of the calibration that comes next.
        discarded: rounds, one after the other, whose sums were out of range, and nobody could be left out.

    Security: this side, the engine, publishes draws, and sees sums over at least `min_cohort` hospitals alone. On one
        machine of one user nothing is hidden from that user; the same processes run between machines. Whose fault a
        sum out of range is the aggregators find out among themselves: the engine chooses nobody, and is told one sum.
    """

    deployment: Deployment
    round: int = 0
    discarded: int = field(init=False, default=0)
    _runner: asyncio.Runner = field(init=False, repr=False, default_factory=asyncio.Runner)
    _transports: list[Transport] = field(init=False, repr=False, default_factory=list)

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
            if self.round == rounds(self.manifest.steps):
                self.deployment.wait_for_clients(timeout_s=GRACE_S)
            self._runner.run(self._left())
            self._runner.close()
        finally:
            self.deployment.stop()
        if self._transports:
            collect(self.deployment)

    def gradient(self, log_inpatients: F64) -> FederationSum:
        """Publish draws in one round of the run, and get the sum of what hospitals answer in the next one.

        Raises:
            ParameterError: draws of another shape, or more rounds than the manifest has.
            ProtocolError: an aggregator ended, fewer hospitals than promised are left, or sums stay out of range.
        """
        require_round(self.manifest, log_inpatients, self.round)
        if not self._transports:
            self.deployment.write()
            self.deployment.start()
            self._transports = self._runner.run(self._reached())
        draws = np.frombuffer(np.ascontiguousarray(log_inpatients, dtype="<f8").tobytes(), dtype="<i8")
        self._runner.run(self._advance(2 * self.round, draws))
        release = self._runner.run(self._advance(2 * self.round + 1, np.zeros_like(draws)))
        self.round += 1
        recall(self.deployment.hospitals, self.deployment.folder / "parties", self.manifest)
        total = decode_sum(self.manifest, release.cells, release.members)
        self.discarded = self.discarded + 1 if total is None else 0
        if self.discarded == MOST_DISCARDED:
            raise ProtocolError(
                f"{self.discarded} sums one after the other are out of range: hospitals send garbage, and sums over "
                f"groups of {self.manifest.min_cohort} or more do not tell which; begin anew with fewer to a sum"
            )
        if total is None:
            return FederationSum(np.zeros(log_inpatients.shape), (), release.refused)
        return FederationSum(total, release.names, release.refused)

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
