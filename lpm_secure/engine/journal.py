"""A journal of a run's releases: an engine that was killed computes its agents again from what was released by then."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Final, TypeVar, final

import msgspec
import numpy as np

from lpm_secure.engine.announcement import AggregateRelease
from protocols.arithmetic.fixed_point import I64
from protocols.atomic_file import create_atomically
from protocols.errors import DataError
from protocols.identity.signing import read_private

T = TypeVar("T", bound=msgspec.Struct)
SEED_BITS: Final = 63
Hash = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]


@final
class ReleaseHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first line: what the journal is of.

    Attributes:
        run: SHA-256 of the manifest.
        engine: SHA-256 of what the engine was asked for.
        seed: of all draws of its own agents; another one in each run.
    """

    run: Hash
    engine: Hash
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**SEED_BITS - 1)]


@final
class ReleaseEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A step's release, and the SHA-256 of what the engine announced for it; of a secure sum, of whom it is."""

    step: Annotated[int, msgspec.Meta(ge=0)]
    announced: Hash
    words: tuple[int, ...]
    members: int
    traffic: int
    names: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@final
class ReleaseJournal:
    """Releases of a run, step by step, in a file for its owner alone: a line of JSON for each.

    Attributes:
        head: of the file.
        steps: how many were in it when it was opened.
    """

    def __init__(self, path: Path, *, run: bytes, engine: str) -> None:
        """Begin a journal, or go on with the one that is there; a last line that is torn is forgotten.

        Raises:
            DataError: it is of another run or engine, or damaged.
            ParameterError: others than its owner may read it.
        """
        drawn = int.from_bytes(os.urandom(8), "big") >> (64 - SEED_BITS)
        create_atomically(path, msgspec.json.encode(ReleaseHead(run=run.hex(), engine=engine, seed=drawn)) + b"\n")
        self._path, content = path, read_private(path)
        whole = content[: content.rfind(b"\n") + 1]
        first, *lines = whole.splitlines() or [b""]
        self.head = self._read(first, ReleaseHead, 1)
        if (self.head.run, self.head.engine) != (run.hex(), engine):
            raise DataError(
                f"{path} is of another run, population or configuration of the engine; give back what it began with, "
                "or another folder"
            )
        self._entries = [self._read(line, ReleaseEntry, number) for number, line in enumerate(lines, start=2)]
        if [entry.step for entry in self._entries] != list(range(len(lines))):
            raise DataError(f"{path} lacks a step, or has one twice; restore the file, or give another folder")
        self.steps = len(lines)
        if len(whole) < len(content):
            os.truncate(path, len(whole))

    def release(self, step: int, announced: I64) -> AggregateRelease | None:
        """Return what a step released, if it is in the journal.

        Raises:
            DataError: the engine's agents announce something else than they did.
        """
        if step >= len(self._entries):
            return None
        entry = self._entries[step]
        if entry.announced != _digest(announced):
            raise DataError(
                f"{self._path}: the engine announces something else in step {step} than before its restart; its "
                "program or its environment has changed: give back what it began with"
            )
        words = np.array(entry.words, dtype=np.int64)
        return AggregateRelease(words, entry.members, entry.traffic, entry.names, entry.refused)

    def append(self, step: int, announced: I64, release: AggregateRelease) -> None:
        """Write down what a step released; when this returns, it is on disk."""
        entry = ReleaseEntry(
            step=step,
            announced=_digest(announced),
            words=tuple(release.words.tolist()),
            members=release.members,
            traffic=release.traffic,
            names=release.names,
            refused=release.refused,
        )
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._entries.append(entry)

    def _read(self, line: bytes, kind: type[T], number: int) -> T:
        try:
            return msgspec.json.decode(line, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DataError(f"{self._path}, line {number}: no line of a journal ({error}); restore the file") from error


def _digest(announced: I64) -> str:
    return hashlib.sha256(announced.astype("<i8").tobytes()).hexdigest()
