"""Whether an opened sum can be what its members were allowed to add."""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.sharing import Sharing
from protocols.task.secure_sum.spec import SecureSum

NEAR: Final = 1e-6  # far above what rounding changes in a norm of any length
LARGEST_DEVIATION: Final = 6.5  # a norm of d normal numbers exceeds sqrt(d) + t with probability exp(-t**2 / 2)


@final
@dataclass(frozen=True, slots=True)
class SumRule:
    """What a secure sum's parties hold the sum over a pool of clients against.

    Attributes:
        norm: bound of the L2 norm of one client's vector; bits: its fraction bits.
        sigma: of the noise of every word that each aggregator adds, in its own units.
        aggregators: k of them.
        sharing: of vectors.
    """

    norm: float
    bits: int
    sigma: float
    aggregators: int
    sharing: Sharing

    @classmethod
    def of(cls, task: SecureSum) -> "SumRule":
        """Return a manifest's."""
        return cls(task.norm, task.bits, task.sigma, len(task.aggregators), task.share())

    def in_range(self, total: I64, members: int) -> bool:
        """Tell whether the norm of a sum is no larger than its members' clipped vectors, with rounding and noise.

        It is reckoned in whole numbers where it is close, so that every party finds the same.

        Args:
            total: int64[d], as opened.
            members: how many clients it is over.

        Security: so garbage that shows does no harm. Within the range a client can shift a sum unseen. With noise,
            honest clients' sum is out of range once in 10**9 sums or less.
        """
        noise = math.sqrt(self.aggregators) * self.sigma
        spread = (noise + members) * (math.sqrt(total.size) + LARGEST_DEVIATION)
        largest = math.ceil(members * self.norm * 2.0**self.bits + spread)
        near = float(np.linalg.norm(total.astype(np.float64)))
        if abs(near - largest) > NEAR * largest:  # its rounding cannot change the answer
            return near < largest
        words: list[int] = total.tolist()
        return max(map(abs, words), default=0) <= largest and sum(word * word for word in words) <= largest**2
