"""The secure sum over gRPC and mutual TLS: institutions and aggregators are processes of their own."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, final

import numpy as np

from client_sdk.secure_sum.contribution import F64
from lpm_secure.audit.collect import collect
from lpm_secure.run.processes import watch
from lpm_secure.secure_sum.announcer import ReleasedSum, SumAnnouncer
from lpm_secure.secure_sum.recall import recall
from lpm_secure.secure_sum.transport import OpenedSum, Reason, RoundCounter, SumTransport, words_of
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.arithmetic.fixed_point import I64
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.transport import Transport

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
    _announcer: SumAnnouncer | None = field(init=False, repr=False, default=None)
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
        if self._announcer is None:
            self._announcer = self._start()
        words = words_of(announced)
        step = 2 * self._counter.round
        self._runner.run(self._advance(self._announcer, step, words))
        opened = self._runner.run(self._advance(self._announcer, step + 1, np.zeros_like(words)))
        recall(self.deployment.institutions, self.deployment.folder / "parties", self.manifest)
        self._left_out |= dict.fromkeys(opened.refused, Reason.GARBAGE)
        return self._counter.count(opened.words, opened.names, self._left_out)

    def _start(self) -> SumAnnouncer:
        """Start all processes, and return the way to announce to them."""
        self.deployment.write()
        self.deployment.start()
        self._transports = self._runner.run(self._reached())
        return SumAnnouncer(self.manifest, self._transports, self.deployment.party(ENGINE))

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

    async def _reached(self) -> list[Transport]:
        return self.deployment.transports()

    async def _left(self) -> None:
        for transport in self._transports:
            await transport.close()
