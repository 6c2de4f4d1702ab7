"""What a party of a masked run has begun and answered: written down before it goes out, and once only."""

import abc
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import final

from protocols.atomic_file import PRIVATE_MODE, sync_folder
from protocols.errors import ConflictingReplay, RunEnded


class Journal(abc.ABC):
    """Entries of one run at one party. Each name is entered once, for one content."""

    def __init__(self, entries: Mapping[str, bytes] = MappingProxyType({})) -> None:
        """Go on with what stands there."""
        self._entries = dict(entries)

    def begin(self, run: bytes) -> None:
        """Begin a run, which a party does once.

        Raises:
            RunEnded: it was begun before: what had been answered then is not known for sure.
        """
        if self.entry("begin") is not None:
            raise RunEnded("this party has begun the run before, and does not begin it again: start another run")
        self.record("begin", run)

    def record(self, name: str, digest: bytes) -> None:
        """Write down what is about to be answered; errors are those of `record_all`."""
        self.record_all({name: digest})

    def record_all(self, entries: Mapping[str, bytes], *, sync: bool = True) -> None:
        """Write down what is about to be answered, with one wait for the disk; the same once more is taken in silence.

        Args:
            entries: by name.
            sync: whether they must outlive the machine, as what a round tells must; what leads up to it need not, as a
                party that has begun a run does not begin it again.

        Raises:
            ConflictingReplay: another content stands under a name.
        """
        for name, digest in entries.items():
            if self._entries.get(name, digest) != digest:
                raise ConflictingReplay(f"another content of {name} was sent before; nothing is answered twice")
        if fresh := {name: digest for name, digest in entries.items() if name not in self._entries}:
            self._save(fresh, sync=sync)
            self._entries |= fresh

    def entry(self, name: str) -> bytes | None:
        """Return what stands under a name."""
        return self._entries.get(name)

    @abc.abstractmethod
    def _save(self, entries: Mapping[str, bytes], *, sync: bool) -> None:
        """Put entries where a restart of this party finds them."""


@final
class MemoryJournal(Journal):
    """Entries of a party that lives no longer than its process."""

    def _save(self, entries: Mapping[str, bytes], *, sync: bool) -> None:
        """Leave them in memory."""


@final
class FileJournal(Journal):
    """Entries in a file, each on a line that it begins itself; written before anything is sent.

    A crash of the process loses none. One of the machine may lose or tear those after the last that was synced: a party
    syncs that it begins, and in each round what it tells, with all before it.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there; a line that a crash has cut off or garbled counts as another content."""
        self._path = path
        path.touch(mode=PRIVATE_MODE)
        sync_folder(path.parent)
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
        super().__init__({name: _content(rest) for name, _, rest in (line.partition("\t") for line in lines)})

    def _save(self, entries: Mapping[str, bytes], *, sync: bool) -> None:
        """Append lines, and wait for the disk where they must outlive the machine."""
        with self._path.open("ab") as file:
            file.write("".join(f"\n{name}\t{content.hex()}" for name, content in entries.items()).encode("ascii"))
            file.flush()
            if sync:
                os.fsync(file.fileno())


def _content(written: str) -> bytes:
    """Return what a line says of a content; nothing, which is none's, where that is not hexadecimal."""
    try:
        return bytes.fromhex(written[: len(written) // 2 * 2])
    except ValueError:
        return b""
