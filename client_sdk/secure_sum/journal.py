"""What a hospital's client keeps of a calibration on disk, so that it can be ended, and go on where it was."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import msgspec
import numpy as np

from client_sdk.likelihood.institution import F64
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.identity.signing import read_private
from protocols.sealing.session import SECRET_BYTES
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest
from protocols.wire.sealed_transport import SessionState

REQUESTS: Final = 2**32  # of one start, at most; the next one counts on above them
MAX_BYTES: Final = 2**20


@final
class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is in the file.

    Attributes:
        run: SHA-256 of the manifest.
        keys: of the shares, one for each aggregator but the last.
        secrets: of the session with each aggregator, by name.
        starts: how often the client has been started.
        answered: the last round in which it may have told a gradient; -1 for none.
        state: what the hospital had learnt then, float64, little-endian.
    """

    run: bytes
    keys: tuple[bytes, ...]
    secrets: dict[str, bytes]
    starts: int = 0
    answered: int = -1
    state: bytes = b""

    def __repr__(self) -> str:
        """Tell no secret."""
        return f"Memory(run={self.run.hex()[:16]}, starts={self.starts}, answered={self.answered})"


@final
@dataclass(slots=True)
class VectorJournal:
    """The file, mode 0600; written whole or not at all.

    Security: it holds this client's keys of one run. Two gradients are never told under the same keystream, and no
        nonce is used twice: what is about to be used is written down before, on disk.
    """

    path: Path
    _memory: Memory = field(repr=False)

    @classmethod
    def start(cls, folder: Path, manifest: Manifest) -> "VectorJournal":
        """Go on with the run's file, or begin one.

        Raises:
            ParameterError: a file is there that is none of this run, or that others may read.
        """
        run = manifests.run_id(manifest)
        path = _path(folder, run)
        kept = cls(path, _read(path, run) if path.exists() else _new(run, manifest))
        kept._write(starts=kept._memory.starts + 1)
        return kept

    @classmethod
    def look(cls, folder: Path, manifest: Manifest) -> F64 | None:
        """Return what the hospital has learnt in a run, without starting; None if it has not answered in it."""
        run = manifests.run_id(manifest)
        path = _path(folder, run)
        return cls(path, _read(path, run)).state if path.exists() else None

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Return the keys of the shares."""
        return self._memory.keys

    @property
    def sessions(self) -> Mapping[str, SessionState]:
        """Return the sessions with the aggregators, which count on above all requests of earlier starts."""
        counter = (self._memory.starts - 1) * REQUESTS
        return {name: SessionState(secret, counter) for name, secret in self._memory.secrets.items()}

    @property
    def answered(self) -> int:
        """Return the last round in which a gradient may have been told."""
        return self._memory.answered

    @property
    def state(self) -> F64 | None:
        """Return what the hospital had learnt, if it has answered."""
        return np.frombuffer(self._memory.state, dtype="<f8") if self._memory.state else None

    def about_to_answer(self, number: int, state: F64) -> None:
        """Write down, before a gradient is told, in which round, and what the hospital has learnt."""
        self._write(answered=number, state=state.astype("<f8").tobytes())

    def _write(self, **changes: object) -> None:
        self._memory = msgspec.structs.replace(self._memory, **changes)
        write_atomically(self.path, msgspec.json.encode(self._memory))


def _path(folder: Path, run: bytes) -> Path:
    return folder / f"calibration-{run.hex()[:16]}.key"


def _new(run: bytes, manifest: Manifest) -> Memory:
    secrets = {party.name: os.urandom(SECRET_BYTES) for party in manifest.aggregators}
    return Memory(run=run, keys=manifest.share().keys(), secrets=secrets)


def _read(path: Path, run: bytes) -> Memory:
    content = read_private(path)
    try:
        memory = msgspec.json.decode(content, type=Memory) if len(content) <= MAX_BYTES else None
    except msgspec.MsgspecError:
        memory = None
    if memory is None or memory.run != run:
        raise ParameterError(
            f"{path} does not hold what this client kept of the run; move it away, and sit the run out"
        )
    return memory
