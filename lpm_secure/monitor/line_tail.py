"""The lines that a file has got since it was last looked at; what is half written waits."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, final

from lpm_secure.monitor.regular_file import open_regular

MAX_READ: Final = 2**24  # bytes at a time


@final
class LineTail:
    """Reads a growing file of lines from where it stopped.

    Attributes:
        offset: of the next line, in bytes.
    """

    def __init__(self, path: Path, *, offset: int = 0, open_file: Callable[[Path], BinaryIO] = open_regular) -> None:
        """Begin at an offset that an earlier reader had; a link is not followed unless `open_file` does."""
        self._path, self.offset, self._open = path, offset, open_file

    def read(self) -> list[bytes]:
        """Return whole lines without their ends, MAX_READ bytes at most; none where there is no file.

        A file that is shorter than before was begun anew, and so is reading it.
        """
        try:
            with self._open(self._path) as file:
                if os.fstat(file.fileno()).st_size < self.offset:
                    self.offset = 0
                file.seek(self.offset)
                content = file.read(MAX_READ)
        except OSError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.splitlines()
