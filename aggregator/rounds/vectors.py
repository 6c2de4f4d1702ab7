"""One aggregator's shares of the vectors of a round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from protocols.arithmetic.fixed_point import U64


@final
@dataclass(frozen=True, slots=True)
class Vectors:
    """This aggregator's shares of a round: one client's, or the total of some clients'."""

    of: Callable[[str], U64] = field(repr=False)
    total: Callable[[Sequence[str]], U64] = field(repr=False)

    @classmethod
    def of_shares(cls, shares: Mapping[str, U64]) -> "Vectors":
        """Return the vectors of a round whose shares are all at hand, by client."""
        return cls(shares.__getitem__, lambda members: np.add.reduce([shares[name] for name in members]))
