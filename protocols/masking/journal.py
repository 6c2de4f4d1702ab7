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
        self.write("begin", run)

    def record(self, name: str, digest: bytes) -> None:
        """Write down what is about to be answered; the same once more is taken in silence.

        Raises:
            ConflictingReplay: another content stands under the name.
        """
        known = self.entry(name)
        if known is None:
            self.write(name, digest)
        elif known != digest:
            raise ConflictingReplay(f"another content of {name} was sent before; nothing is answered twice")

    def entry(self, name: str) -> bytes | None:
        """Return what stands under a name."""
        return self._entries.get(name)

    def write(self, name: str, content: bytes) -> None:
        """Write an entry, which is there for good when this returns."""
        self._save(name, content)
        self._entries[name] = content

    @abc.abstractmethod
    def _save(self, name: str, content: bytes) -> None:
        """Put an entry where a restart of this party finds it."""


@final
class MemoryJournal(Journal):
    """Entries of a party that lives no longer than its process."""

    def _save(self, name: str, content: bytes) -> None:
        """Leave it in memory."""


@final
class FileJournal(Journal):
    """Entries in a file, each on a line that it begins itself, on the disk before anything is answered."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a last line that a crash has cut off counts as another content."""
        self._path = path
        path.touch(mode=PRIVATE_MODE)
        sync_folder(path.parent)
        entries = [line.partition("\t") for line in path.read_text(encoding="ascii").splitlines()]
        super().__init__({name: bytes.fromhex(rest[: len(rest) // 2 * 2]) for name, _, rest in entries})

    def _save(self, name: str, content: bytes) -> None:
        """Append a line and wait for the disk."""
        with self._path.open("ab") as file:
            file.write(f"\n{name}\t{content.hex()}".encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
