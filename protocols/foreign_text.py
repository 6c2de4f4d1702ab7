"""What another party wrote, as a line that may stand in a log, a ledger or a terminal."""

from typing import Final

LONGEST: Final = 512  # characters; an error that tells it fits in what gRPC takes


def line_of(text: str) -> str:
    """Return a text of another party as one line: cut, and with blanks in place of what is not printable.

    Security: no control character, as one that moves a terminal's cursor or hides what stands there, gets through.
    """
    return "".join(each if each.isprintable() else " " for each in text[:LONGEST])
