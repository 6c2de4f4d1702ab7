"""Files of a run's folder that are what they seem: a link is not followed, wherever it leads."""

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would be waited for
FOLDER: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        OSError: there is none; it, or its folder, is a link; or it is no regular file.

    Security: whoever may write into a run's folder, a party that was started there say, makes no other file of this
        user readable by a link to it. Folder and file are opened one in the other: what is looked at is what is read.
        A second name of a file (a hard link) is that file, which the system lets only those make who may write it.
    """
    folder = os.open(path.parent, FOLDER)
    try:
        descriptor = os.open(path.name, FLAGS, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file")
    return os.fdopen(descriptor, "rb")


def is_regular(path: Path) -> bool:
    """Return whether a file is there, and no link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_regular(path: Path, most: int) -> bytes | None:
    """Return a file's content; None where `open_regular` opens nothing, or there are more than so many bytes."""
    try:
        with open_regular(path) as file:
            return file.read() if os.fstat(file.fileno()).st_size <= most else None
    except OSError:
        return None
