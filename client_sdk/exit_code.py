"""How a client's process ends: a mistake is one line, without a traceback."""

import sys
from collections.abc import Callable

from protocols.exit_code import ENDING, ending_of


def exit_code_of(command: Callable[[], object]) -> int:
    """Run a command and return its exit code: 2 after a mistake in the client's files, 3 where the run cannot go on."""
    try:
        command()
    except ENDING as error:
        line, code = ending_of(error)
        print(f"client: {line}", file=sys.stderr)
        return code
    return 0
