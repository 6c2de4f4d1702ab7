"""Checkpoints: arrays and a few facts in one file, whole or not there; what goes on from it does so to the same bits.

The file is a safetensors file: other programs read its arrays, and nothing in it is code. A header in its metadata, in
canonical JSON, says what the arrays belong to, and holds the SHA-256 of everything that is read.

Security: what is written is in the clear. Private agents, and what an institution keeps to itself, never are.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, final

import msgspec
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, numpy

from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.errors import DataError

VERSION: Final = 1
KEY: Final = "lpm"  # of the header among the file's metadata
ANEW: Final = "start anew, without --resume"
Arrays = dict[str, npt.NDArray[Any]]
F = TypeVar("F", bound=msgspec.Struct)


@final
class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of a checkpoint that has arrays alone."""


@final
class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    owner: str
    facts: dict[str, Any]
    sha256: str


class _Metadata(msgspec.Struct, frozen=True):
    entries: dict[str, str] = msgspec.field(name="__metadata__")


class _Prefix(msgspec.Struct, frozen=True):
    version: int


def save(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], *, owner: str, facts: msgspec.Struct | None = None
) -> None:
    """Write a checkpoint; when this returns it is on disk, and if it does not return the last one still is.

    Args:
        path: of the file; its folder exists.
        arrays: by name, of numbers.
        owner: what the arrays belong to, such as the manifest's hash; `load` refuses another.
        facts: what goes beside the arrays.
    """
    own = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}  # row by row
    given: dict[str, Any] = msgspec.to_builtins(facts or Nothing())
    header = canonical_json.encode(_Header(VERSION, owner, given, _digest(own, owner, given)))
    write_atomically(path, numpy.save(own, metadata={KEY: header.decode()}))


def load(path: Path, kind: type[F], *, owner: str | None = None) -> tuple[Arrays, F]:
    """Read a checkpoint.

    Args:
        path: of the file.
        kind: of its facts; `Nothing` where it has none.
        owner: what it must belong to; whatever it does where not given.

    Raises:
        DataError: there is none, it is damaged, of another version, or of another owner.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the checkpoint {path}: {error.strerror}; {ANEW}") from error
    try:
        header = _header(content, path)
        arrays = numpy.load(content)
        whole = _digest(arrays, header.owner, header.facts) == header.sha256
    except (SafetensorError, msgspec.MsgspecError, ArithmeticError, KeyError, TypeError, UnicodeError) as error:
        raise DataError(f"{path} is no checkpoint, or is damaged; {ANEW}") from error
    if not whole:
        raise DataError(f"the checkpoint {path} is damaged: its checksum does not fit; {ANEW}")
    if owner is not None and header.owner != owner:
        raise DataError(f"{path} is of another fit or run; {ANEW}, or give back the configuration that it is of")
    try:
        return arrays, msgspec.convert(header.facts, kind)
    except msgspec.ValidationError as error:
        raise DataError(f"{path} holds other facts than this version keeps ({error}); {ANEW}") from error


def _header(content: bytes, path: Path) -> _Header:
    """Read the header without the arrays; a version that is not this one's is said before the rest is looked at."""
    end = 8 + int.from_bytes(content[:8], "little")
    text = msgspec.json.decode(content[8:end], type=_Metadata).entries[KEY]
    version = msgspec.json.decode(text, type=_Prefix).version
    if version != VERSION:
        raise DataError(f"{path} is a checkpoint of version {version}; this program reads {VERSION}: {ANEW}")
    return msgspec.json.decode(text, type=_Header)


def _digest(arrays: Arrays, owner: str, facts: dict[str, Any]) -> str:
    """Return the SHA-256 of owner, facts, and of each array's name, type, shape and numbers."""
    about = [(name, arrays[name].dtype.str, arrays[name].shape) for name in sorted(arrays)]
    digest = hashlib.sha256(msgspec.json.encode([VERSION, owner, facts, about], order="deterministic"))
    for name in sorted(arrays):
        digest.update(arrays[name].reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
