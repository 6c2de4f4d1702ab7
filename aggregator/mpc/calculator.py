"""CrypTen's calculator, for programs of the MPC thread: shares in, shares out, and nothing opened that is not named."""

from collections.abc import Callable
from typing import final

import numpy as np

from aggregator.mpc import operations, ranges
from aggregator.mpc.context import get_context
from aggregator.mpc.keystream import I64, U8


@final
class CryptenCalculator:
    """The operations of this package under the names that an aggregator's programs use; for the MPC thread alone."""

    __slots__ = ()

    @property
    def name(self) -> bytes:
        """Return the name of the operation under way, 32 bytes: the same at all parties, and never used again."""
        return get_context().mesh.name

    def public(self, numbers: I64) -> I64:
        """Return this party's share of numbers that everybody knows."""
        return numbers if get_context().mesh.rank == 0 else np.zeros_like(numbers)

    def compare(self, h: I64, tau: I64, *, bits: int) -> I64:
        """Return additive shares of the bit `h > tau`, for numbers in [0, 2**bits)."""
        return h if not h.size else operations.compare(h, tau, bits=bits)

    def multiply(self, x: I64, y: I64) -> I64:
        """Return additive shares of the products."""
        return x if not x.size else operations.multiply(x, y)

    def out_of_range(self, x: I64, bits: U8, opening: Callable[[], None]) -> bool:
        """Tell whether any number is not in [0, 2**bits[i]); nothing else is opened."""
        return ranges.out_of_range(x, bits, opening)
