"""What a party of a masked run has begun, answered and been told: written down before it goes out, and once only."""

import abc
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.atomic_file import PRIVATE_MODE, sync_folder, write_atomically
from protocols.errors import ConflictingReplay, ParameterError, RunEnded
from protocols.identity.signing import read_private

NONCE_BYTES: Final = 12
BEGIN: Final = "begin"


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
        if self.entry(BEGIN) is not None:
            raise RunEnded("this party has begun the run before, and does not begin it again: start another run")
        self.record(BEGIN, run)

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

    def once(self, name: str, size: int) -> bytes:
        """Return random bytes that stand under a name, and draw them if there are none."""
        drawn = self.entry(name) or os.urandom(size)
        self.record(name, drawn)
        return drawn

    def count(self, kind: str) -> int:
        """Return how many entries there are of a kind whose names are numbered from 1."""
        number = 0
        while f"{kind} {number + 1}" in self._entries:
            number += 1
        return number

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
        _append(self._path, [f"{name}\t{content.hex()}" for name, content in entries.items()], sync=sync)


@final
class SealedJournal(Journal):
    """Entries in a file that only the holder of a key can read, with which a client goes on when it is started again.

    Security: AES-256-GCM, with nonces from the system's randomness. Run, party and place of an entry enter its seal:
        none can be moved, changed or left out but the last ones. A file that was put back is one with the last ones
        left out: its holder finds that out from what the aggregators have counted.
    """

    def __init__(self, path: Path, *, key: bytes, label: bytes) -> None:
        """Read what is there; of a last line that a crash has cut off nothing has gone out, and it is removed.

        Args:
            path: of the file.
            key: 32 bytes.
            label: of run and party.

        Raises:
            ParameterError: others than its owner may read the file, or it was changed, or the key is another.
        """
        self._path, self._label, self._seal, self._lines = path, label, AESGCM(key), 0
        if not path.exists():
            write_atomically(path, b"")
        lines = [line for line in read_private(path).split(b"\n") if line]
        entries: dict[str, bytes] = {}
        for place, line in enumerate(lines):
            try:
                name, content = self._open(line)
            except (ValueError, InvalidTag):
                if place + 1 < len(lines):
                    raise ParameterError(
                        f"{path} was changed, or sealed with another key: put the original back, or sit the run out"
                    ) from None
                write_atomically(path, b"".join(b"\n" + each for each in lines[:-1]))
                break
            entries[name], self._lines = content, place + 1
        super().__init__(entries)

    def _open(self, line: bytes) -> tuple[str, bytes]:
        sealed = bytes.fromhex(line.decode("ascii"))
        opened = self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._header(self._lines))
        name, _, content = opened.partition(b"\t")
        return name.decode("ascii"), content

    def _header(self, place: int) -> bytes:
        return b"lpm journal %d " % place + self._label

    def _save(self, entries: Mapping[str, bytes], *, sync: bool) -> None:
        """Append sealed lines, and wait for the disk where they must outlive the machine."""
        lines = []
        for place, (name, content) in enumerate(entries.items(), self._lines):
            nonce = os.urandom(NONCE_BYTES)
            opened = name.encode("ascii") + b"\t" + content
            lines.append((nonce + self._seal.encrypt(nonce, opened, self._header(place))).hex())
        _append(self._path, lines, sync=sync)
        self._lines += len(lines)


def _append(path: Path, lines: list[str], *, sync: bool) -> None:
    """Append lines, each of which begins itself, and wait for the disk where they must outlive the machine."""
    with path.open("ab") as file:
        file.write("".join("\n" + line for line in lines).encode("ascii"))
        file.flush()
        if sync:
            os.fsync(file.fileno())


def _content(written: str) -> bytes:
    """Return what a line says of a content; nothing, which is none's, where that is not hexadecimal."""
    try:
        return bytes.fromhex(written[: len(written) // 2 * 2])
    except ValueError:
        return b""
