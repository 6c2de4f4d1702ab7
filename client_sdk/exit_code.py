"""How a client's process ends: a mistake is one line, without a traceback."""

import sys
from collections.abc import Callable

from protocols.errors import LpmError, ParameterError


def exit_code_of(command: Callable[[], None]) -> int:
    """Run a command and return its exit code: 2 after a mistake in the client's files, 3 where the run cannot go on."""
    try:
        command()
    except LpmError as error:
        print(f"client: {error}", file=sys.stderr)
        return 2 if isinstance(error, ParameterError) else 3
    return 0
