"""Checkpoints: a run that is killed at any moment goes on from its last whole step, with the same bits.

Under its name there is always one whole checkpoint, the old one or the new one. A SHA-256 at the end shows damage.

Security: holds the state of synthetic agents in the clear. Private agents are never written.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np

from lpm_secure.engine.kernels.observers import Observer, StageCounts, Steps
from protocols.atomic_file import atomic_writer
from protocols.errors import DataError

MAGIC: Final = b"lpm-checkpoint-1\n"
DIGEST: Final = 32
Arrays = Mapping[str, np.ndarray[Any, Any]]


@final
class _Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: str
    shape: tuple[int, ...]


@final
class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    run: str
    arrays: tuple[_Array, ...]


def _pieces(arrays: Arrays, run: str) -> Iterator[bytes | memoryview]:
    whole = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    header = msgspec.json.encode(
        _Header(run, tuple(_Array(name, array.dtype.str, array.shape) for name, array in whole.items()))
    )
    yield MAGIC
    yield len(header).to_bytes(8, "little")
    yield header
    for array in whole.values():
        yield array.reshape(-1).view(np.uint8).data


def save(path: Path, arrays: Arrays, *, run: str) -> None:
    """Write a checkpoint; when this returns it is on disk, and if it does not return the last one still is.

    Args:
        path: of the file; its folder exists.
        arrays: by name, of numbers.
        run: what the arrays belong to, such as the manifest's hash; `resume` refuses another.
    """
    digest = hashlib.sha256()
    with atomic_writer(path, mode=None) as file:
        for piece in _pieces(arrays, run):
            digest.update(piece)
            file.write(piece)
        file.write(digest.digest())


def resume(path: Path, *, run: str) -> dict[str, np.ndarray[Any, Any]]:
    """Read a checkpoint.

    Raises:
        DataError: there is none, it is damaged, or it belongs to another run.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the checkpoint {path}: {error.strerror}") from error
    view = memoryview(content)
    body = view[:-DIGEST]
    if not content.startswith(MAGIC) or hashlib.sha256(body).digest() != content[-DIGEST:]:
        raise DataError(f"the checkpoint {path} is damaged: its checksum does not fit; start the run anew")
    at = len(MAGIC) + 8
    length = int.from_bytes(content[len(MAGIC) : at], "little")
    header = msgspec.json.decode(body[at : at + length], type=_Header)
    if header.run != run:
        raise DataError(f"the checkpoint {path} is of the run {header.run}, this one is {run}; give each its own file")
    at += length
    arrays = {}
    for array in header.arrays:
        kind = np.dtype(array.kind)
        size = int(np.prod(array.shape, dtype=np.int64)) * kind.itemsize
        arrays[array.name] = np.frombuffer(body[at : at + size], dtype=kind).reshape(array.shape).copy()
        at += size
    return arrays


@final
class Checkpoints(Observer):
    """Writes a checkpoint every so many steps.

    Where a series is given, what it saw before this step goes along as `series`; `StageCounts(series)` goes on from it.
    """

    def __init__(
        self,
        path: Path,
        *,
        run: str,
        every: int = 1,
        series: StageCounts | None = None,
    ) -> None:
        """Write to `path` in the steps that are multiples of `every`."""
        self._path, self._run, self._every, self._series = path, run, every, series

    def see(self, agents: Steps) -> None:
        """Write, if it is time.

        Raises:
            DataError: the agents cannot be written.
        """
        if agents.step % self._every:
            return
        if not hasattr(agents, "save"):
            raise DataError(f"{type(agents).__name__} cannot be written to a checkpoint; use agents with `save`")
        arrays = dict(agents.save())
        if self._series:
            arrays["series"] = self._series.counts[: agents.step]
        save(self._path, arrays, run=self._run)
