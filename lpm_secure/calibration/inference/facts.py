"""What a fit's checkpoint knows besides weights."""

from pathlib import Path

import msgspec

from lpm_secure import checkpoint
from protocols.errors import DataError


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far a fit has come: round, simulations, absences, refusals, discarded, as in `Fit`."""

    round: int
    simulations: int
    absences: dict[str, int]
    refusals: dict[str, int]
    discarded: int


def count_rounds(path: Path) -> int:
    """Return how far a fit has come, whichever it is; 0 where there is no checkpoint that can be read."""
    try:
        return checkpoint.load(path, Facts)[1].round
    except DataError:
        return 0
