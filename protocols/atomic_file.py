"""Atomic files: whole or not there, and on disk under their name before anybody acts on what they say.

A file is written beside its name, forced to disk, renamed, and the folder forced to disk as well: whatever happens in
between, under the name there is the file that was there, or the new one. Of two who write one file at once each writes
beside it under a name of its own, and the last to end wins. A folder is whole or not there likewise.
"""

import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from protocols.file_mode import PRIVATE_MODE, set_mode

TOKEN_BYTES: Final = 8  # of the name that a writer has for itself
STALE_S: Final = 24 * 3600.0  # nobody writes one file for that long


def write_atomically(path: Path, content: bytes, *, mode: int | None = PRIVATE_MODE) -> None:
    """Write a file in place of the one that is there; see `atomic_writer`."""
    with atomic_writer(path, mode=mode) as file:
        file.write(content)


@contextmanager
def atomic_writer(path: Path, *, mode: int | None = PRIVATE_MODE) -> Iterator[BinaryIO]:
    """Open a file that takes the place of the one that is there when the block ends, and not after an error.

    Args:
        path: of the file; its folder exists.
        mode: of the file, whatever the old one's is; None leaves it to the process' umask.

    Security: with the mode given, nobody but its owner can open the file at any moment.
    """
    _remove_stale(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(TOKEN_BYTES)}.partial")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                set_mode(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def create_atomically(path: Path, content: bytes) -> bool:
    """Write a file for its owner alone, if there is none of this name; False where there is one.

    Of several who do so at once one succeeds.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(TOKEN_BYTES)}.partial")
    write_atomically(new, content)
    try:
        os.link(new, path)
    except FileExistsError:
        return False
    finally:
        new.unlink()
    sync_folder(path.parent)
    return True


def publish_folder(folder: Path, path: Path) -> None:
    """Give a folder the name under which it is looked for, once all its files are on disk; nothing is there yet."""
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "r+b") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))
    folder.rename(path)
    sync_folder(path.parent)


def _remove_stale(path: Path) -> None:
    """Remove what processes that were killed left beside a file; what is young may still be written."""
    token = f"[0-9a-f]{{{2 * TOKEN_BYTES}}}"
    own = re.compile(rf"\.{re.escape(path.name)}\.{token}\.partial")
    for name in os.listdir(path.parent):
        left = path.with_name(name) if own.fullmatch(name) else None
        with suppress(FileNotFoundError):  # its writer ended, or another writer removed it
            if left is not None and left.stat().st_mtime < time.time() - STALE_S:
                left.unlink()


def sync_folder(folder: Path) -> None:
    """Wait until a folder's names are on disk: without that a machine that loses power may have the old ones back.

    Windows does not open a folder, and its file system writes down names by itself.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
