"""Joint computations as they should be: one place opens what all aggregators hold, computes, and shares anew."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from aggregator.on_shares.backend import Program, T
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ProtocolError

ANY_BITS: Final = 62  # from here on a comparison's numbers are not bounded
PATIENCE_S: Final = 30.0


@final
class Ideal:
    """The oracle of joint computations, for tests of all else. Hides nothing.

    Each party runs its program in a thread of its own; an operation waits until all parties have come to it.
    """

    def __init__(self, k: int) -> None:
        """Wait for k parties in every operation."""
        self.k = k
        self._held: list[Any] = [None] * k
        self._barrier = threading.Barrier(k, timeout=PATIENCE_S)
        self._coins = np.random.default_rng(1)

    def party(self, index: int) -> "IdealParty":
        """Return one aggregator's part."""
        return IdealParty(self, index)

    def together(self, index: int, share: Any, compute: Callable[[list[Any]], Any]) -> Any:
        """Return what `compute` makes of all parties' shares; one of them computes."""
        self._held[index] = share
        if self._barrier.wait() == 0:
            self._held = [compute(list(self._held))] * self.k
        self._barrier.wait()
        result = self._held[index]
        self._barrier.wait()
        return result

    def split(self, result: I64) -> I64:
        """Return int64[k, d], shares of what was computed."""
        drawn = self._coins.integers(0, 2**64, (self.k, result.size), dtype=np.uint64).view(np.int64)
        drawn[0] = result - drawn[1:].sum(axis=0)
        return drawn


@final
@dataclass(frozen=True, slots=True)
class IdealParty:
    """One aggregator's part of the oracle."""

    joint: Ideal
    index: int

    async def compute(self, program: Program[T], *, kind: bytes, round_number: RoundNumber) -> T:
        """Run a program with the others."""
        return await asyncio.to_thread(program, IdealCalculator(self.joint, self.index, round_number))


@final
@dataclass(frozen=True, slots=True)
class IdealCalculator:
    """What a program computes with, in the clear."""

    joint: Ideal
    index: int
    round_number: RoundNumber

    @property
    def name(self) -> bytes:
        """One name for all parties."""
        return self.round_number.to_bytes(32, "big")

    def public(self, numbers: I64) -> I64:
        """Give the first party all of it."""
        return numbers if self.index == 0 else np.zeros_like(numbers)

    def compare(self, h: I64, tau: I64, *, bits: int) -> I64:
        """Compare, and share the bits.

        Raises:
            ProtocolError: a number is not in the range that it was promised to be in.
        """

        def compute(h: I64, tau: I64) -> I64:
            if bits <= ANY_BITS and not all(((total >= 0) & (total < 2**bits)).all() for total in (h, tau)):
                raise ProtocolError(f"a number to compare is not in [0, 2**{bits})")
            return (h > tau).astype(np.int64)

        return self._shared(compute, h, tau)

    def multiply(self, x: I64, y: I64) -> I64:
        """Multiply, and share the products."""
        return self._shared(lambda x, y: x * y, x, y)

    def out_of_range(self, x: I64, bits: npt.NDArray[np.uint8], opening: Callable[[], None]) -> bool:
        """Look at every number, and tell whether all are in range."""

        def compute(shares: list[I64]) -> bool:
            numbers = sum(shares[1:], start=shares[0]).view(np.uint64)
            return bool((numbers >> bits.astype(np.uint64)).any())

        opening()
        found: bool = self.joint.together(self.index, x, compute)
        return found

    def _shared(self, function: Callable[..., I64], *shares: I64) -> I64:
        def compute(held: list[Any]) -> I64:
            return self.joint.split(function(*(sum(each[1:], start=each[0]) for each in zip(*held, strict=True))))

        mine: I64 = self.joint.together(self.index, shares, compute)[self.index]
        return mine
