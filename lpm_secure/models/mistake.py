"""Whatever code of a model's author raises, as one line with its place in their file."""

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from lpm_secure.models.symbols import LIBRARY, OURS
from protocols.errors import ModelError

LONGEST: Final = 400  # characters of a line
CALLERS: Final = (OURS, "lpm_secure.environments.announcer", "lpm_secure.config.environment", "importlib")


@contextlib.contextmanager
def mistakes_of(what: str) -> Iterator[None]:
    """Run an author's code.

    Args:
        what: is run, for messages.

    Raises:
        ModelError: whatever the code raises, its exits included, in one line.

    Security:
        What is raised is contained, and nothing else: the code runs with the rights of whoever runs it.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an exit too: a check that ended well has to mean something
        raise ModelError(_line(_cause(error), what)) from error


def _cause(error: BaseException) -> BaseException:
    """Return a declaration's mistake, which Python 3.11 wraps where a class body makes it."""
    return error.__cause__ if type(error) is RuntimeError and isinstance(error.__cause__, ModelError) else error


def _line(error: BaseException, what: str) -> str:
    try:
        words = str(error)
    except Exception:
        words = "without words"
    if not isinstance(error, ModelError):
        words = f"{_place(error)}: {what} raises {type(error).__name__}: {words}; mend it"
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def _place(error: BaseException) -> str:
    """Return the author's last line in the file that led to an error; of what cannot be read, the line that cannot."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    lines: dict[str, int] = {}
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        file = trace.tb_frame.f_code.co_filename
        if file in lines or (not lines and (module.startswith(LIBRARY) or not module.startswith(CALLERS))):
            lines[file] = trace.tb_lineno
        trace = trace.tb_next
    return next((f"{file}:{line}" for file, line in lines.items()), "?")
