"""A lock on what a party keeps in a folder: of two processes that would go on with the same files one goes on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocols.atomic_file import PRIVATE_MODE
from protocols.errors import ConfigError


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold a lock until the block ends, or the process does, however it ends; the file stays, with nothing in it.

    Raises:
        ConfigError: another process holds it.
    Security: a copy of the folder has a lock of its own, so that of two copies the aggregators have to notice.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_MODE)
    try:
        try:
            _lock(descriptor)
        except OSError:
            raise ConfigError(
                f"another process works with what {path.stem} keeps in {path.parent}; wait for its end, or end it"
            ) from None
        yield
    finally:
        os.close(descriptor)  # which lets go of the lock


def _lock(descriptor: int) -> None:
    """Take the lock that the system has for a file, at once or not at all."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - there is none elsewhere

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - there is none on Windows

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
