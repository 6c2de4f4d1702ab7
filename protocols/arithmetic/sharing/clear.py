"""The oracle: one aggregator that sees everything. For tests and comparisons, asked for by name."""

from dataclasses import dataclass
from typing import final

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing.base import Sharing
from protocols.errors import ParameterError


@final
@dataclass(frozen=True, slots=True)
class Clear(Sharing):
    """No sharing at all.

    Security: hides nothing from the aggregator.
    """

    k: int = 1

    def keys(self) -> tuple[bytes, ...]:
        """Return no keys."""
        return ()

    def split(self, x: U64, keys: tuple[bytes, ...], *, round_number: RoundNumber) -> U64:
        """Return `x` itself."""
        return x

    def expand(self, key: bytes, *, round_number: RoundNumber, out: U64) -> None:
        """Refuse: nobody holds a key."""
        raise ParameterError("the clear sharing has no keys to expand")
