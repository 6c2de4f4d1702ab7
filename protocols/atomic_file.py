"""Private files that are whole or not there, and on disk before anybody acts on what they say."""

import os
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600  # of a file for its owner alone


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in place of the one that is there, mode 0600; when this returns it is on disk, under its name."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_MODE)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, PRIVATE_MODE)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
    settle(path.parent)


def settle(folder: Path) -> None:
    """Wait until a folder's names are on disk: without that a machine that loses power may have the old ones back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
