"""How far a run is: lines of JSON in its folder, one for each thing that happens, as whoever drives it sees it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, final

import msgspec

from protocols.errors import LpmError
from protocols.file_mode import PRIVATE_MODE, set_mode

FILE: Final = "progress.jsonl"
Outcome = Literal["ended", "failed", "interrupted"]


@final
class SeriesNames(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted of a part of the agents.

    Attributes:
        part: of the agents: private or synthetic.
        names: of stages and observables, as people read them.
        stages: how many of the names, from the first on, are the stages of one field.
    """

    part: str
    names: tuple[str, ...]
    stages: int


@final
class ProgressHead(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="begin"):
    """The first line of a process that drives a run; another one of the same run goes on with it.

    Attributes:
        kind: in words.
        run: what tells it from others.
        total: how many units it has.
        unit: of what is counted: day, round, or run.
        dt: days in a step.
        parts: what each step counts.
        clients, servers: names of the parties.
        releases: what is opened, in words.
        rho: the privacy budget of all noised releases, zero-concentrated; 0 where none has noise.
        facts: what else a reader should know, in sentences.
    """

    version: Literal[1] = 1
    at: float
    kind: str
    name: str
    run: str
    total: int
    unit: str = "day"
    dt: float = 1.0
    parts: tuple[SeriesNames, ...] = ()
    clients: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    rho: float = 0.0
    facts: tuple[str, ...] = ()


@final
class PhaseProgress(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="phase"):
    """What the run does from now on, in words."""

    at: float
    phase: str


@final
class StepProgress(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="step"):
    """A step is over.

    Attributes:
        values: of each part its counts, as the head names them.
        members: clients that took part; None where there are none.
        late: clients that did not, where their names were told.
        refused: clients that are left out for words out of range, where their names were told.
        traffic: bytes of vectors in the round, where they were told.
        spent: rho of all noised releases so far.
    """

    at: float
    step: int
    values: tuple[tuple[int, ...], ...] = ()
    members: int | None = None
    late: tuple[str, ...] | None = None
    refused: tuple[str, ...] = ()
    traffic: int = 0
    spent: float = 0.0


@final
class PartyProgress(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="party"):
    """A party's process ended before its run did; `code` is its exit code, below 0 the signal that killed it."""

    at: float
    party: str
    code: int


@final
class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter's posterior, or a series: name, median, and what 90 % of draws, or seeds, lie between."""

    name: str
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


@final
class FitProgress(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="fit"):
    """A round of a calibration is over.

    Attributes:
        loss: what the fit descends on; None of a round that gave no sum.
        members: institutions that took part.
        late, refused: those who did not, and who are left out for words out of range.
        posterior: now and then, of each parameter.
        forecast: now and then, of the events in all places, which no institution holds.
    """

    at: float
    step: int
    loss: float | None
    members: int
    late: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    posterior: tuple[Band, ...] = ()
    forecast: Band | None = None


@final
class BandGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Bands over so many seeds that are drawn in one plot, under its title."""

    title: str
    seeds: int
    series: tuple[Band, ...]


@final
class EnsembleProgress(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="ensemble"):
    """A run of an ensemble is over.

    Attributes:
        step: how many are.
        days: of the bands.
        groups: now and then, of the seeds by now; a band's median and 90 % are over these.
    """

    at: float
    step: int
    days: tuple[float, ...] = ()
    groups: tuple[BandGroup, ...] = ()


@final
class ProgressEnd(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="end"):
    """The last line of a process that drove a run.

    Attributes:
        outcome: how it ended.
        reason: why, where it failed.
        results: what it found, in words, by name.
    """

    at: float
    outcome: Outcome
    reason: str = ""
    results: dict[str, str] = {}


ProgressEvent = (
    ProgressHead | PhaseProgress | StepProgress | PartyProgress | FitProgress | EnsembleProgress | ProgressEnd
)


@final
class ProgressJournal:
    """Appends to `progress.jsonl`, and holds a lock on it: a reader sees whether anybody still writes.

    A line is one call of the system, and nothing waits for the disk: a step is not slowed, and what a crash cuts off is
    half a line, which readers leave out. A disk that is full ends the journal, and not the run.

    Security: what is written is what the engine sees: releases, names of parties, exit codes; and, of a run that fails,
        why. On one machine that may be a client's own line about a table of its people: the file is its owner's alone.
    """

    def __init__(self, folder: Path) -> None:
        """Begin, or go on with what is there."""
        self.results: dict[str, str] = {}
        self._descriptor: int | None = None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._descriptor = os.open(folder / FILE, flags, PRIVATE_MODE)
            set_mode(self._descriptor, PRIVATE_MODE)
            lock(self._descriptor)

    def write(self, event: ProgressEvent) -> None:
        """Append a line."""
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, msgspec.json.encode(event) + b"\n")
        except OSError:
            self.close()

    def enter(self, phase: str) -> None:
        """Say what the run does from now on."""
        self.write(PhaseProgress(at=time.time(), phase=phase))

    def close(self) -> None:
        """End; what is written later is dropped."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def journal_of(folder: Path, head: ProgressHead) -> Iterator[ProgressJournal]:
    """Write the head, then what the caller tells, then how it ended.

    Args:
        folder: of the run; it is made unless it is there.
        head: of the run.
    """
    journal, outcome, reason = ProgressJournal(folder), "interrupted", ""
    journal.write(head)
    try:
        yield journal
        outcome = "ended"
    except LpmError as error:
        outcome, reason = "failed", str(error)
        raise
    except Exception as error:
        outcome, reason = "failed", f"{type(error).__name__}, which is a mistake of the program: its log says more"
        raise
    finally:
        journal.write(_end(outcome, reason, journal.results))
        journal.close()


def _end(outcome: str, reason: str, results: dict[str, str]) -> ProgressEnd:
    return ProgressEnd(at=time.time(), outcome=msgspec.convert(outcome, Outcome), reason=reason, results=results)


def is_begun(folder: Path) -> bool:
    """Return whether a folder holds a journal and nothing else: what wrote it has come to nothing."""
    return folder.is_dir() and [each.name for each in folder.iterdir()] == [FILE]


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of a journal's file without waiting; False where another process has it.

    Where the system has no such locks, nobody is known to write.
    """
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
