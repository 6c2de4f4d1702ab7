"""One aggregator's shares of the vectors of a round."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final

from protocols.arithmetic.fixed_point import U64


@final
@dataclass(frozen=True, slots=True)
class Vectors:
    """This aggregator's shares of a round: one client's, or the total of some clients'."""

    of: Callable[[str], U64] = field(repr=False)
    total: Callable[[Sequence[str]], U64] = field(repr=False)
