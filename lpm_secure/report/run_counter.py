"""How many runs of a job are over, for a journal of progress: sensitivities, verifications, evaluations, risks."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from lpm_secure.report.progress import ProgressHead, ProgressJournal, StepProgress, journal_of

OnRun = Callable[[int, str], None]


@final
class RunCounter:
    """Writes a line for each run that is over, or for whatever the job counts."""

    def __init__(self, journal: ProgressJournal | None, on_run: OnRun) -> None:
        """Begin at none; without a journal nothing is written."""
        self._journal, self._on_run, self._done, self._phase = journal, on_run, 0, ""

    def enter(self, phase: str) -> None:
        """Say what is done from now on, once."""
        if phase != self._phase and self._journal is not None:
            self._journal.enter(phase)
        self._phase = phase

    def add(self) -> None:
        """Count one more."""
        self.reach(self._done + 1)

    def reach(self, done: int) -> None:
        """Say that so many are over, some of which may have been before."""
        self._done = done
        if self._journal is not None:
            self._journal.write(StepProgress(at=time.time(), step=self._done))
        self._on_run(done, self._phase)


@contextmanager
def count_runs(
    folder: Path | None,
    *,
    kind: str,
    name: str,
    total: int,
    unit: str = "run",
    facts: tuple[str, ...] = (),
    on_run: OnRun = lambda done, phase: None,
) -> Iterator[RunCounter]:
    """Begin the journal of a job in its folder, and end it with how the job ended.

    Args:
        folder: of the job; it is made unless it is there. None for no journal.
        kind, name, unit, facts: as `ProgressHead` has them.
        total: how many there are at most.
        on_run: is told how many are over, and what is done.
    """
    head = ProgressHead(at=time.time(), kind=kind, name=name, run=f"{kind} {name}", total=total, unit=unit, facts=facts)
    with contextlib.ExitStack() as stack:
        yield RunCounter(None if folder is None else stack.enter_context(journal_of(folder, head)), on_run)
