"""Canonical JSON: one byte string per content, so that a hash or a signature means the content."""

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from protocols.errors import LpmError, ParameterError

T = TypeVar("T", bound=msgspec.Struct)
MAX_BYTES: Final = 2**20


def encode(value: msgspec.Struct) -> bytes:
    """Return the canonical bytes."""
    return msgspec.json.encode(value, order="deterministic")


def decode(content: bytes, kind: type[T], *, what: str, max_bytes: int = MAX_BYTES) -> T:
    """Read what `encode` wrote.

    Args:
        what: the content's name, for messages.

    Raises:
        ParameterError: too long, not of this kind, or not in canonical form.
    """
    if len(content) > max_bytes:
        raise ParameterError(f"the {what} has {len(content)} bytes; at most {max_bytes} are allowed")
    try:
        value = msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(error.__cause__, LpmError):
            raise error.__cause__ from error
        raise ParameterError(f"cannot read the {what}: {error}") from error
    if encode(value) != content:
        raise ParameterError(
            f"the {what} is not in canonical form, so its hash would differ; ask its author for the original"
        )
    return value


def load(path: Path, kind: type[T], *, what: str, max_bytes: int = MAX_BYTES) -> T:
    """Read a file; errors are ParameterError."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise ParameterError(f"cannot read the {what} {path}: {error.strerror}") from error
    return decode(content, kind, what=f"{what} {path}", max_bytes=max_bytes)
