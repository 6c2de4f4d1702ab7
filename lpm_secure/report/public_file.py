"""Files that others may read: whole or not there, as `protocols.atomic_file` writes them."""

from pathlib import Path
from typing import Final

from protocols.atomic_file import write_atomically

MODE: Final = 0o644


def write_public(path: Path, content: bytes) -> None:
    """Write a file in place of the one that is there; when this returns it is on disk, under its name."""
    write_atomically(path, content, mode=MODE)
