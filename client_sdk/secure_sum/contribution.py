"""What one institution may add to a sum: its vector, clipped, in fixed point."""

import itertools
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.fixed_point import I64, prove_no_wrap
from protocols.task.secure_sum.spec import largest_squares, reach

F64 = npt.NDArray[np.float64]
NEAR: Final = 1e-6  # far above what rounding changes in a norm of any length


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
        """Return int64[d]: the clipped vector, flat, in fixed point; its norm in whole units is within the bound."""
        words = np.rint(clip_norm(vector, self.clip).reshape(-1) * 2.0**self.bits).astype(np.int64)
        return clip_integers(words, largest_squares(reach(self.clip, self.bits, words.size)))

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


def clip_integers(words: I64, squares: int) -> I64:
    """Return integers whose sum of squares is at most a bound, to the last unit, as a client proves it.

    Doubles round: those of a vector at its bound may stand for integers that are a little beyond it. The largest ones
    are then moved a unit towards 0, one after the other, until they are not.
    """
    if float(np.linalg.norm(words.astype(np.float64))) ** 2 < squares * (1 - NEAR):
        return words
    clipped: list[int] = words.tolist()
    beyond = sum(word**2 for word in clipped) - squares
    for place in itertools.cycle(np.argsort(-np.abs(words)).tolist()):
        if beyond <= 0:
            break
        beyond -= 2 * abs(clipped[place]) - 1
        clipped[place] -= 1 if clipped[place] > 0 else -1
    return np.array(clipped, dtype=np.int64)
