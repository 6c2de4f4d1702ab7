"""A lock on what a party keeps in a folder: of two processes that would go on with the same files one goes on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocols.errors import ConfigError
from protocols.file_mode import PRIVATE_MODE


@contextmanager
def hold(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock until the block ends, or the process does, however it ends; the file stays, with nothing in it.

    Args:
        path: of the lock's file.
        wait: for the end of who holds it, in this process or another.

    Raises:
        ConfigError: another one holds it, and `wait` is not set; or there can be no lock in the folder.
    Security: a copy of the folder has a lock of its own, so that of two copies the aggregators have to notice.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_MODE)
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened ({error.strerror}): give a folder that can be written") from None
    try:
        try:
            _lock(descriptor, wait=wait)
        except (BlockingIOError, PermissionError):
            raise ConfigError(
                f"another process works with what {path.stem} keeps in {path.parent}; wait for its end, or end it"
            ) from None
        except OSError as error:
            raise ConfigError(f"{path} cannot be locked ({error.strerror}): use a local folder") from None
        yield
    finally:
        os.close(descriptor)  # which lets go of the lock


def _lock(descriptor: int, *, wait: bool) -> None:
    """Take the lock that the system has for a file; at once or not at all, unless it is waited for."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - there is none elsewhere

        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - there is none on Windows

        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
