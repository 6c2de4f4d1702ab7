"""The journal of a client in a run of sums: on disk before it counts, so that it can be ended, and go on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import msgspec
import numpy as np

from client_sdk.secure_sum.contribution import F64
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.identity.signing import read_private
from protocols.sealing.session import SECRET_BYTES
from protocols.task import manifest as manifests
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.sealed_transport import SessionState

REQUESTS: Final = 2**32  # of one start, at most; the next one counts on above them
MAX_BYTES: Final = 2**20


@final
class SumJournalEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file says now.

    Attributes:
        run: SHA-256 of the manifest.
        keys: of the shares, one for each aggregator but the last.
        secrets: of the session with each aggregator, by name.
        starts: how often the client has been started.
        answered: the last round in which it may have told a vector; -1 for none.
        state: what the institution had learnt then, float64, little-endian.
        ended: how the run ended, in a line; nothing before.
    """

    run: bytes
    keys: tuple[bytes, ...]
    secrets: dict[str, bytes]
    starts: int = 0
    answered: int = -1
    state: bytes = b""
    ended: str = ""

    def __repr__(self) -> str:
        """Tell no secret."""
        return f"SumJournalEntry(run={self.run.hex()[:16]}, starts={self.starts}, answered={self.answered})"


@final
@dataclass(slots=True)
class SumJournal:
    """The file, mode 0600; written whole or not at all.

    Security: it holds this client's keys of one run. Two vectors are never told under the same keystream, and no
        nonce is used twice: what is about to be used is written down before, on disk.
    """

    path: Path
    _entry: SumJournalEntry = field(repr=False)

    @classmethod
    def start(cls, folder: Path, manifest: SecureSum) -> "SumJournal":
        """Go on with the run's file, or begin one.

        Raises:
            ParameterError: a file is there that is none of this run, or that others may read.
        """
        run = manifests.run_id(manifest)
        path = _path(folder, run)
        journal = cls(path, _read(path, run) if path.exists() else _new(run, manifest))
        journal._write(starts=journal._entry.starts + 1)
        return journal

    @classmethod
    def look(cls, folder: Path, manifest: SecureSum) -> F64 | None:
        """Return what the institution has learnt in a run, without starting; None if it has not answered in it."""
        run = manifests.run_id(manifest)
        path = _path(folder, run)
        return cls(path, _read(path, run)).state if path.exists() else None

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Return the keys of the shares."""
        return self._entry.keys

    @property
    def sessions(self) -> Mapping[str, SessionState]:
        """Return the sessions with the aggregators, which count on above all requests of earlier starts."""
        counter = (self._entry.starts - 1) * REQUESTS
        return {name: SessionState(secret, counter) for name, secret in self._entry.secrets.items()}

    @property
    def answered(self) -> int:
        """Return the last round in which a vector may have been told."""
        return self._entry.answered

    @property
    def state(self) -> F64 | None:
        """Return what the institution had learnt, if it has answered."""
        return np.frombuffer(self._entry.state, dtype="<f8") if self._entry.state else None

    @property
    def ended(self) -> str:
        """Return how the run ended, as `end` kept it."""
        return self._entry.ended

    def end(self, line: str) -> None:
        """Write down that the run is over, and how it ended."""
        self._write(ended=line)

    def about_to_answer(self, number: int, state: F64) -> None:
        """Write down, before a vector is told, in which round, and what the institution has learnt."""
        self._write(answered=number, state=state.astype("<f8").tobytes())

    def _write(self, **changes: object) -> None:
        self._entry = msgspec.structs.replace(self._entry, **changes)
        write_atomically(self.path, msgspec.json.encode(self._entry))


def _path(folder: Path, run: bytes) -> Path:
    return folder / f"sum-{run.hex()[:16]}.key"


def _new(run: bytes, manifest: SecureSum) -> SumJournalEntry:
    secrets = {party.name: os.urandom(SECRET_BYTES) for party in manifest.aggregators}
    return SumJournalEntry(run=run, keys=manifest.share().keys(), secrets=secrets)


def _read(path: Path, run: bytes) -> SumJournalEntry:
    content = read_private(path)
    try:
        entry = msgspec.json.decode(content, type=SumJournalEntry) if len(content) <= MAX_BYTES else None
    except msgspec.MsgspecError:
        entry = None
    if entry is None or entry.run != run:
        raise ParameterError(
            f"{path} does not hold what this client kept of the run; move it away, and sit the run out"
        )
    return entry
