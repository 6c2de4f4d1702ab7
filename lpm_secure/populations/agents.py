"""How many agents a person asks for."""

import re
from typing import Final

from protocols.errors import ParameterError

UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
AGENTS: Final = re.compile(r"(\d+)(?:\.(\d{1,9}))?([kmg]?)", re.ASCII | re.IGNORECASE)


def agents_of(text: str) -> int:
    """Return a number of agents from text such as `8.4M`, `100k` or `250_000`.

    Raises:
        ParameterError: no such number, or no whole one.
    """
    match = AGENTS.fullmatch(text.strip().replace("_", "").replace(",", ""))
    if match is None:
        raise ParameterError(f"got {text!r} agents; a whole number such as 250000, 100k or 8.4M is needed")
    units, parts, unit = match[1], match[2] or "", match[3].lower()
    total, rest = divmod(int(units + parts) * UNITS[unit], 10 ** len(parts))
    if rest:
        raise ParameterError(f"got {text!r} agents, which is no whole number; leave out some digits")
    return int(total)
