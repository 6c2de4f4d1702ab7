"""Who may open a file: modes, where there are any. On Windows a folder's access rules protect what is in it."""

import os
import stat
import sys
from pathlib import Path
from typing import Final

PRIVATE_MODE: Final = 0o600  # of a file for its owner alone
PUBLIC_MODE: Final = 0o644  # of a file that others may read
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_CHANGES: Final = stat.S_IWGRP | stat.S_IWOTH


def set_mode(descriptor: int, mode: int) -> None:
    """Set the mode of an open file, whatever the process' umask."""
    if sys.platform != "win32":
        os.fchmod(descriptor, mode)


def mode_for_others(path: Path) -> str | None:
    """Return a file's mode, in octal digits, if others than its owner may open it, and None if they may not.

    Raises:
        OSError: there is no such file.
    """
    mode = path.stat().st_mode
    return f"{stat.S_IMODE(mode):o}" if sys.platform != "win32" and mode & _OTHERS else None


def can_others_change(folder: Path) -> bool:
    """Tell whether others than a folder's owner may put files there, or take them away.

    Raises:
        OSError: there is no such folder.
    """
    return sys.platform != "win32" and bool(folder.stat().st_mode & _CHANGES)
