"""What one institution may add to a sum: its vector, clipped, in fixed point."""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64, prove_no_wrap

F64 = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Contribution:
    """What one institution may add to a sum.

    Attributes:
        clip: L2 norm of its vector.
        bits: fraction bits.
    """

    clip: float = 2000.0
    bits: int = 24

    def encode(self, vector: F64) -> I64:
        """Return int64[d]: the clipped vector, flat, in fixed point."""
        return np.rint(clip_norm(vector, self.clip).reshape(-1) * 2.0**self.bits).astype(np.int64)

    def decode(self, total: I64) -> F64:
        """Return float64[d]."""
        return np.asarray(total * 2.0**-self.bits)

    def prove(self, clients: int) -> int:
        """Return a bound on a total, below 2**63.

        Raises:
            WouldWrap: the clients' sum could reach 2**63.
        """
        return prove_no_wrap({"the vectors of all institutions": clients * int(np.ceil(self.clip * 2.0**self.bits))})


def clip_norm(vector: F64, bound: float) -> F64:
    """Return a vector whose L2 norm over all entries is at most the bound; nothing of a client that is not finite.

    Security: the norm of what one client contributes is the sensitivity that the noise is made for.
    """
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm):
        return np.zeros_like(vector)
    return vector if norm <= bound else vector * (bound / norm)
