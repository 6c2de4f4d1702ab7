"""The runs of a folder: which there are, how far each is, and whether anybody still drives it."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, final

import msgspec

from lpm_secure.monitor.regular_file import is_regular, open_regular, read_regular
from lpm_secure.report.progress import (
    FILE,
    EnsembleProgress,
    FitProgress,
    ProgressEnd,
    ProgressEvent,
    ProgressHead,
    StepProgress,
    lock,
)
from lpm_secure.report.summary import REPORT

FIGURES: Final = {
    "run.json": "run",
    "compare.json": "comparison",
    "calibration.json": "calibration",
    "evaluation.json": "evaluation",
    "gradient.json": "gradient",
}
PAGES: Final = (REPORT, "audit.html", "tornado.html")
TAIL: Final = 2**16  # bytes of the end of a journal
MAX_FIGURES: Final = 2**24
State = Literal["running", "stopped", "ended", "failed", "interrupted"]


@final
class RunCard(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a list.

    Attributes:
        id: name of its folder.
        name: of its configuration.
        kind: in words.
        state: stopped where it has not ended, and nobody drives it.
        step, total, unit: how far it is; no total where it left no journal.
        at: of its last line, in seconds since 1970.
        results: what it found, in words.
        pages: reports that it has.
    """

    id: str
    name: str
    kind: str
    state: State
    at: float
    step: int = 0
    total: int = 0
    unit: str = "day"
    results: dict[str, str] = {}
    pages: tuple[str, ...] = ()


def folders_of(root: Path) -> dict[str, Path]:
    """Return the folders of runs by name; of a folder that is a run itself, that one. Links are left out."""
    if _is_run(root.resolve()):
        return {root.resolve().name: root.resolve()}
    try:
        entries = sorted(root.iterdir())
    except OSError:
        return {}
    return {path.name: path for path in entries if not path.is_symlink() and path.is_dir() and _is_run(path)}


def cards(root: Path) -> list[RunCard]:
    """Return the runs of a folder, those that go on first, then the newest first."""
    found = [card for name, path in folders_of(root).items() if (card := card_of(name, path)) is not None]
    return sorted(found, key=lambda card: (card.state != "running", -card.at))


def card_of(name: str, folder: Path) -> RunCard | None:
    """Return one run; None where what it has cannot be read."""
    pages = tuple(page for page in PAGES if is_regular(folder / page))
    try:
        head, events, at = _ends(folder / FILE)
    except OSError:
        return _without_journal(name, folder, pages)
    if head is None:
        return _without_journal(name, folder, pages)
    step, end = 0, None
    for event in events:
        if isinstance(event, StepProgress | FitProgress | EnsembleProgress):
            step = event.step
        end = event if isinstance(event, ProgressEnd) else None if isinstance(event, ProgressHead) else end
    return RunCard(
        id=name,
        name=head.name,
        kind=head.kind,
        state=end.outcome if end else "running" if is_written(folder) else "stopped",
        at=at,
        step=step,
        total=head.total,
        unit=head.unit,
        results=end.results if end else {},
        pages=pages,
    )


def is_written(folder: Path) -> bool:
    """Return whether a process holds the journal of a run, and so still drives it."""
    try:
        with open_regular(folder / FILE) as file:
            return not lock(file.fileno(), shared=True)
    except OSError:
        return False


def events_of(lines: Iterable[bytes]) -> Iterator[ProgressEvent]:
    """Yield what lines say; one that says nothing that a journal has is left out."""
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=ProgressEvent)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue


def _is_run(folder: Path) -> bool:
    return any(is_regular(folder / name) for name in (FILE, *FIGURES))


def _ends(path: Path) -> tuple[ProgressHead | None, list[ProgressEvent], float]:
    """Return a journal's head, what its last lines say, and when it was last written."""
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        first = file.readline(TAIL)
        start = max(len(first), status.st_size - TAIL)
        file.seek(start)
        lines = file.read(TAIL)
    whole = lines[: lines.rfind(b"\n") + 1].splitlines()
    head = next(events_of([first]), None)
    return head if isinstance(head, ProgressHead) else None, list(events_of(whole)), status.st_mtime


def _without_journal(name: str, folder: Path, pages: tuple[str, ...]) -> RunCard | None:
    """Return a run of which only figures are there."""
    for file, kind in FIGURES.items():
        content = read_regular(folder / file, MAX_FIGURES)
        try:
            figures = msgspec.json.decode(content or b"", type=dict[str, Any])
            at = (folder / file).lstat().st_mtime
        except (OSError, msgspec.MsgspecError):
            continue
        config = figures.get("config", {})
        title = figures.get("name", config.get("name", name) if isinstance(config, Mapping) else name)
        return RunCard(id=name, name=str(title), kind=kind, state="ended", at=at, pages=pages)
    return None
