"""What one hospital may add to a round: its gradient, clipped, in fixed point."""

from dataclasses import dataclass
from typing import final

import numpy as np

from client_sdk.likelihood.institution import F64, clip_norm
from protocols.arithmetic.fixed_point import I64, prove_no_wrap


@final
@dataclass(frozen=True, slots=True)
class Contribution:
    """What one hospital may add to a round.

    Attributes:
        clip: L2 norm of its gradient over all draws, boroughs and weeks.
        bits: fraction bits.
    """

    clip: float = 2000.0
    bits: int = 24

    def encode(self, gradient: F64) -> I64:
        """Return int64[d]: the clipped gradient, flat, in fixed point."""
        return np.rint(clip_norm(gradient, self.clip).reshape(-1) * 2.0**self.bits).astype(np.int64)

    def decode(self, total: I64) -> F64:
        """Return float64[d]."""
        return np.asarray(total * 2.0**-self.bits)

    def prove(self, clients: int) -> int:
        """Return a bound on a total, below 2**63.

        Raises:
            WouldWrap: the clients' sum could reach 2**63.
        """
        return prove_no_wrap({"the gradients of all hospitals": clients * int(np.ceil(self.clip * 2.0**self.bits))})
