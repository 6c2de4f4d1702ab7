"""What a party of a masked run has begun, answered and been told: written down before it goes out, and once only."""

import abc
import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.atomic_file import create_atomically, sync_folder, write_atomically
from protocols.errors import ConflictingReplay, ParameterError, RunEnded
from protocols.identity.signing import read_private
from protocols.releases.ledger import SHORT

NONCE_BYTES: Final = 12
BEGIN: Final = "begin"
END: Final = "end"  # of a run, and why
CHECKPOINT: Final = b"lpm checkpoint "
SLOTS: Final = 2  # files for checkpoints, written in turn
COUNT_BYTES: Final = 8  # of the number of a checkpoint, and of its size, which stand before it
HEAD_BYTES: Final = 2 * COUNT_BYTES
OVER: Final = b"over: "  # in place of a key, before the reason


class Journal(abc.ABC):
    """Entries of one run at one party. Each name is entered once, for one content, whichever threads enter them."""

    def __init__(self, entries: Mapping[str, bytes] = MappingProxyType({})) -> None:
        """Go on with what stands there."""
        self._entries, self._lock = dict(entries), threading.Lock()

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
        with self._lock:  # a stop comes while a step's thread waits for the disk
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

    def forget(self, reason: str) -> None:
        """Remove all that stands there, of a run that is over; that it is over, and why, a restart still finds."""
        with self._lock:
            self._entries = over_entries(reason)
            self._remove(reason)

    @abc.abstractmethod
    def _save(self, entries: Mapping[str, bytes], *, sync: bool) -> None:
        """Put entries where a restart of this party finds them."""

    @abc.abstractmethod
    def _remove(self, reason: str) -> None:
        """Remove them, and the checkpoint, for good."""

    @abc.abstractmethod
    def sync(self) -> Future[None]:
        """Begin to wait for the disk, beside what goes on meanwhile; done when all entries outlive the machine."""

    @abc.abstractmethod
    def save_checkpoint(self, content: bytes, *, after: Iterable[Future[None]] = ()) -> None:
        """Put what a party goes on with in place of what it would have gone on with before; on disk, or not at all.

        Args:
            content: of the checkpoint.
            after: what must be on disk before it takes its place.
        """

    @property
    @abc.abstractmethod
    def checkpoint(self) -> bytes:
        """Return what `save_checkpoint` put there last; nothing before the first time."""


@final
class MemoryJournal(Journal):
    """Entries of a party that lives no longer than its process."""

    checkpoint = b""

    def _save(self, entries: Mapping[str, bytes], *, sync: bool) -> None:
        """Leave them in memory."""

    def _remove(self, reason: str) -> None:
        """Let go of the checkpoint."""
        self.checkpoint = b""

    def sync(self) -> Future[None]:
        """Wait for nothing."""
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def save_checkpoint(self, content: bytes, *, after: Iterable[Future[None]] = ()) -> None:
        """Leave it in memory."""
        for each in after:
            each.result()
        self.checkpoint = content


@final
class SealedJournal(Journal):
    """Entries in a file that only the holder of a key can read, with which a party goes on when it is started again.

    Beside it two files have the last checkpoint and the one before. The older one is overwritten, which is one wait for
    the disk, where a rename is three; as long as the new one is not whole, the other is. When the run is over its key
    is overwritten by that, and all files are removed.

    These checkpoints are of another format than those of runs (`lpm_secure.checkpoint`), which are in the clear, for
    other programs to read: these hold shares and seeds that nobody else may see; rounds wait for them, so a rename,
    which those have, would take too long; and an aggregator imports nothing of `lpm_secure`.

    Security: AES-256-GCM, with nonces from the system's randomness. Run, party and place of an entry enter its seal:
        none can be moved, changed or left out but the last ones. A file that was put back is one with the last ones
        left out: its holder finds that out from what the aggregators have counted, and a server from its own ledger
        and from the others' heads. So is a checkpoint that was changed: the one before serves, as after a crash.
    """

    def __init__(self, path: Path, *, key: Path, label: bytes) -> None:
        """Read what is there; of a last line that a crash has cut off nothing has gone out, and it is removed.

        Args:
            path: of the file.
            key: of the file that has its key, 32 bytes, or why the run is over.
            label: of run and party.

        Raises:
            ParameterError: others than its owner may read the files, or one was changed, or the key is another.
        """
        self._path, self._key, self._label, self._lines = path, key, label, 0
        self._disk = ThreadPoolExecutor(1, "journal")
        self._beside, content = [path.with_suffix(f".{each}.checkpoint") for each in range(SLOTS)], read_private(key)
        self._is_over = content.startswith(OVER)
        if self._is_over:
            reason = content.removeprefix(OVER).decode()
            super().__init__(over_entries(reason))
            self._remove(reason)  # a crash may have come between
            return
        if len(content) != KEY_BYTES:
            raise ParameterError(f"{key} was changed: put the original back, or sit the run out")
        self._seal = AESGCM(content)
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
        _append(path, [], sync=True)  # it counts as written, and who wrote it may have ended before it waited
        super().__init__(entries)
        self._saved = self._last_checkpoint()[0]

    def _open(self, line: bytes) -> tuple[str, bytes]:
        sealed = bytes.fromhex(line.decode("ascii"))
        opened = self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._header(self._lines))
        name, _, content = opened.partition(b"\t")
        return name.decode("ascii"), content

    def _header(self, place: int) -> bytes:
        return b"lpm journal %d " % place + self._label

    def _save(self, entries: Mapping[str, bytes], *, sync: bool) -> None:
        """Append sealed lines, and wait for the disk where they must outlive the machine; none once the run is over."""
        if self._is_over:
            return
        lines = []
        for place, (name, content) in enumerate(entries.items(), self._lines):
            nonce = os.urandom(NONCE_BYTES)
            opened = name.encode("ascii") + b"\t" + content
            lines.append((nonce + self._seal.encrypt(nonce, opened, self._header(place))).hex())
        _append(self._path, lines, sync=sync)
        self._lines += len(lines)

    def _remove(self, reason: str) -> None:
        """Overwrite the key, and remove what it opens: a copy of that opens no more."""
        self._is_over = True
        write_atomically(self._key, OVER + reason.encode())
        for path in (self._path, *self._beside):
            path.unlink(missing_ok=True)
        sync_folder(self._path.parent)

    def sync(self) -> Future[None]:
        """Let a thread wait for the disk."""
        return self._disk.submit(self._wait_for_disk)

    def _wait_for_disk(self) -> None:
        try:
            _append(self._path, [], sync=True)
        except FileNotFoundError:
            if not self._is_over:
                raise

    def save_checkpoint(self, content: bytes, *, after: Iterable[Future[None]] = ()) -> None:
        """Write it over the one before the last; none stays once the run is over, whichever comes first."""
        nonce, path, count = os.urandom(NONCE_BYTES), self._beside[self._saved % SLOTS], self._count(self._saved + 1)
        sealed = nonce + self._seal.encrypt(nonce, content, CHECKPOINT + count + self._label)
        for each in after:
            each.result()
        try:
            _overwrite(path, count + self._count(len(sealed)) + sealed)
        except FileNotFoundError:
            if not self._is_over:
                raise
        self._saved += 1
        if self._is_over:
            path.unlink(missing_ok=True)

    @staticmethod
    def _count(number: int) -> bytes:
        return number.to_bytes(COUNT_BYTES, "big")

    @property
    def checkpoint(self) -> bytes:
        """Read it.

        Raises:
            ParameterError: others than its owner may read the files, or both were changed.
        """
        return b"" if self._is_over else self._last_checkpoint()[1]

    def _last_checkpoint(self) -> tuple[int, bytes]:
        """Return how many there were, and the last one that is whole; a crash may have left a part of one."""
        last, broken = (0, b""), 0
        for content in (read_private(path) for path in self._beside if path.exists()):
            count, size, sealed = content[:COUNT_BYTES], content[COUNT_BYTES:HEAD_BYTES], content[HEAD_BYTES:]
            sealed = sealed[: int.from_bytes(size, "big")]
            header = CHECKPOINT + count + self._label
            try:
                opened = self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], header)
            except (ValueError, InvalidTag):
                broken += 1
            else:
                last = max(last, (int.from_bytes(count, "big"), opened))
        if broken == SLOTS:
            raise ParameterError(
                f"{self._beside[0]} was changed, and {self._beside[1].name} too, or both were sealed with another key: "
                "put the original back, or sit the run out"
            )
        return last


def open_journal(folder: Path, run: bytes, name: str, *, credentials: Path) -> SealedJournal:
    """Return what a party has kept of a run, to go on with; its key lies beside the credentials, made once.

    Raises:
        ParameterError: the journal was changed, or others may read it or its key.
    """
    stem = f"masking-{run.hex()[:SHORT]}"
    create_atomically(credentials / f"{stem}.key", os.urandom(KEY_BYTES))
    return SealedJournal(folder / f"{stem}.journal", key=credentials / f"{stem}.key", label=run + name.encode("ascii"))


def over_entries(reason: str) -> dict[str, bytes]:
    """Return what stays of a run that is over."""
    return {BEGIN: b"", END: reason.encode()}


def _overwrite(path: Path, content: bytes) -> None:
    """Write over what a file has, which may be longer, and wait for the disk."""
    if not path.exists():
        write_atomically(path, b"")
    with path.open("r+b", buffering=0) as file:
        left = memoryview(content)
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())


def _append(path: Path, lines: list[str], *, sync: bool) -> None:
    """Append lines, each of which begins itself, and wait for the disk where they must outlive the machine."""
    left = memoryview("".join("\n" + line for line in lines).encode("ascii"))
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        while left:
            left = left[os.write(file, left) :]
        if sync:
            os.fsync(file)
    finally:
        os.close(file)
