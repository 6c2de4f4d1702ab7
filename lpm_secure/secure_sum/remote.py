"""The secure sum of a deployment: servers and institutions run elsewhere, and its centre may be started again."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import final

import numpy as np

from lpm_secure.engine.announcement import AggregateRelease
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.secure_sum.announcer import AnnouncedSum, ReleasedSum
from protocols.arithmetic.fixed_point import I64
from protocols.identity import certificates
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.connect import connect
from protocols.wire.transport import Transport


@final
@dataclass(slots=True, eq=False)
class RemoteSum(AnnouncedSum):
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

    @property
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""
        return self.task

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the servers."""
        self._leave()

    def _released(self, number: int, words: I64) -> ReleasedSum:
        release = self.journal.release(number, words)
        if release is None:
            announcer = self._announcer or self._reach(self._connected, self.credentials)
            self._runner.run(announcer.advance(2 * number, words))
            opened = self._runner.run(announcer.advance(2 * number + 1, np.zeros_like(words)))
            release = AggregateRelease(opened.words, len(opened.names), 0, opened.names, opened.refused)
            self.journal.append(number, words, release)
        return ReleasedSum(release.words, release.names, release.refused)

    def _connected(self) -> list[Transport]:
        return connect(self.task, certificates.read(self.credentials))
