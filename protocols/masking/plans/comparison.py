"""How the aggregators of an active run compare: by keys that the dealer deals, or by a tree of masked openings."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from protocols.errors import ParameterError
from protocols.task.parties import ClientParty, agents_of

Comparison = Literal["keys", "tree"]
BREAK_EVEN: Final = 10_000  # agents: where a tree takes less time over 1 Gbit/s; over 100 Mbit/s it does from 1,000 on


def comparison_for(
    asked: Comparison | None, clients: Sequence[ClientParty], *, is_masked: bool, copies: int
) -> Literal["tree"] | msgspec.UnsetType:
    """Return what a manifest says, as it is asked or else by the number of agents; unset stands for keys.

    Raises:
        ParameterError: it is asked for where nothing is compared by either.
    """
    if asked is not None and not is_masked:
        raise ParameterError(
            f'comparison = "{asked}" is of security = "active" and outcome mode; leave it out, or set these'
        )
    if asked is None and is_masked and copies * agents_of(clients) >= BREAK_EVEN:
        asked = "tree"
    return "tree" if asked == "tree" else msgspec.UNSET
