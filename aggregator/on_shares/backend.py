"""What a joint computation of the aggregators can do with shares, whatever computes it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64

T = TypeVar("T")


class Calculator(Protocol):
    """Numbers that no aggregator holds: what a program can do with its shares of them."""

    @property
    def name(self) -> bytes:
        """Return the name of this joint computation, 32 bytes: shares of one name fit together."""

    def public(self, numbers: I64) -> I64:
        """Return this aggregator's share of numbers that everybody knows."""

    def compare(self, h: I64, tau: I64, *, bits: int) -> I64:
        """Return additive shares of the bit `h > tau`, for numbers in [0, 2**bits)."""

    def multiply(self, x: I64, y: I64) -> I64:
        """Return additive shares of the products."""

    def out_of_range(self, x: I64, bits: npt.NDArray[np.uint8], opening: Callable[[], None]) -> bool:
        """Tell whether any number is not in [0, 2**bits[i]); `opening` is called before this bit is opened."""


Program = Callable[[Calculator], T]


class JointBackend(Protocol):
    """Computes on shares together with the other aggregators' backends."""

    async def compute(self, program: Program[T], *, kind: bytes, round_number: RoundNumber) -> T:
        """Run a program that all aggregators run on their shares, with the same `kind` and `round_number`."""
