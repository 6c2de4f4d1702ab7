"""How a process ends after an error: in one line, without a traceback, and with a code that says whose turn it is."""

import sys
from collections.abc import Callable
from typing import Final

from protocols.errors import LpmError, ParameterError

MISTAKE: Final = 2  # in what a person gave: nothing is lost
STOPPED: Final = 3  # the run, or the machine, cannot go on
ENDING: Final = (LpmError, OSError)  # errors that end a process so


def exit_code_of(program: str, command: Callable[[], object]) -> int:
    """Run a command and return its exit code: 2 after a mistake in what it was given, 3 where it cannot go on."""
    try:
        command()
    except ENDING as error:
        line, code = ending_of(error)
        tell(program, line)
        return code
    return 0


def tell(program: str, line: object) -> None:
    """Tell whoever started a process a line, where errors go."""
    print(f"{program}: {line}", file=sys.stderr, flush=True)


def ending_of(error: LpmError | OSError) -> tuple[str, int]:
    """Return the line and the exit code of an error; the system's own, as a full disk, has its file and reason."""
    if isinstance(error, LpmError):
        return str(error), MISTAKE if isinstance(error, ParameterError) else STOPPED
    reason = error.strerror or type(error).__name__
    where = f"cannot use {error.filename}" if error.filename is not None else "cannot read or write"
    return f"{where}: {reason}; make room, or give another path", STOPPED
