"""Files that others may read: whole or not there, as `protocols.atomic_file` writes them."""

from pathlib import Path

from protocols.atomic_file import write_atomically
from protocols.file_mode import PUBLIC_MODE


def write_public(path: Path, content: bytes) -> None:
    """Write a file in place of the one that is there; when this returns it is on disk, under its name."""
    write_atomically(path, content, mode=PUBLIC_MODE)
