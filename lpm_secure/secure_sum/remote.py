"""The secure sum of a deployment: servers and institutions run elsewhere, and its centre may be started again."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, final

import numpy as np

from client_sdk.secure_sum.contribution import F64
from lpm_secure.engine.announcement import AggregateRelease
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.secure_sum.announcer import SumAnnouncer
from lpm_secure.secure_sum.transport import OpenedSum, Reason, RoundCounter, SumTransport, words_of
from protocols.identity import certificates
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.connect import connect
from protocols.wire.transport import Transport


@final
@dataclass(slots=True, eq=False)
class RemoteSum(SumTransport):
    """Announces to the servers of a run, and reads the sums that they open; a context, which connects and leaves.

    A sum that is in the journal is not asked for again: who drives the run and is started again computes from there.

    Attributes:
        task: the run's manifest.
        credentials: folder with the engine's.
        journal: of the sums that were opened.

    Security: this side sees sums over at least `min_cohort` institutions alone.
    """

    task: SecureSum
    credentials: Path
    journal: ReleaseJournal
    _counter: RoundCounter = field(init=False, repr=False)
    _runner: asyncio.Runner = field(init=False, repr=False, default_factory=asyncio.Runner)
    _transports: list[Transport] = field(init=False, repr=False, default_factory=list)
    _announcer: SumAnnouncer | None = field(init=False, repr=False, default=None)
    _left_out: dict[str, Reason] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Begin before the first round."""
        self._counter = RoundCounter(self.task)

    @property
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""
        return self.task

    def __enter__(self) -> Self:
        """Begin; nothing is sent yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the servers."""
        self._runner.run(self._left())
        self._runner.close()

    def open(self, announced: F64) -> OpenedSum:
        """Announce in one round of the run, and get the sum of what institutions answer in the next one."""
        self._counter.require(announced)
        words, number = words_of(announced), self._counter.round
        release = self.journal.release(number, words)
        if release is None:
            announcer = self._announcer or self._runner.run(self._reached())
            self._runner.run(announcer.advance(2 * number, words))
            opened = self._runner.run(announcer.advance(2 * number + 1, np.zeros_like(words)))
            release = AggregateRelease(opened.words, len(opened.names), 0, opened.names, opened.refused)
            self.journal.append(number, words, release)
        self._left_out |= dict.fromkeys(release.refused, Reason.GARBAGE)
        return self._counter.count(release.words, release.names, self._left_out)

    async def _reached(self) -> SumAnnouncer:
        self._transports = connect(self.task, certificates.read(self.credentials))
        self._announcer = SumAnnouncer(self.task, self._transports, self.credentials)
        return self._announcer

    async def _left(self) -> None:
        for transport in self._transports:
            await transport.close()
