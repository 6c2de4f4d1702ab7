"""The arithmetic of the secret permutation: slots are moved, masked and added up, all modulo 2**64."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import numpy.typing as npt

from aggregator.mpc.keystream import Keystream, subkey
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ParameterError

Places = npt.NDArray[np.uint32]
TOKEN_WORDS: Final = 2
MAX_SLOTS: Final = 2**31


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """How much is permuted.

    Attributes:
        n: recipients, one client each; degree: D, slots of each; width: words in a slot.
    """

    n: int
    degree: int
    width: int

    def __post_init__(self) -> None:
        """Refuse what does not fit into the numbers of slots."""
        if min(self.n, self.degree, self.width) < 1 or self.slots > MAX_SLOTS:
            raise ParameterError(f"got {self.n} x {self.degree} slots; between 1 and {MAX_SLOTS} can be permuted")

    @property
    def slots(self) -> int:
        """Return N, the number of all slots."""
        return self.n * self.degree


def permutation(key: bytes, purpose: bytes, slots: int) -> Places:
    """Draw a permutation, uint32[slots], the same for all who hold the key.

    Entry p is the place that what comes to place p is taken from.

    Security: uniform up to ties of 64-bit words, which a million slots have with probability 3e-8.
    """
    return np.argsort(Keystream(subkey(key, b"permutation" + purpose)).words(slots), kind="stable").astype(np.uint32)


def mask(key: bytes, purpose: bytes, words: int) -> U64:
    """Return the words, uint64[words], that hide one message from its receiver; a purpose is used once."""
    return Keystream(subkey(key, b"mask" + purpose)).words(words)


def move(values: U64, places: Places, width: int) -> U64:
    """Return the slots of uint64[slots * width] in another order."""
    if width == 1:
        return values.take(places, mode="clip")
    return values.reshape(-1, width).take(places, axis=0, mode="clip").reshape(-1)


def gather(values: U64, source: Places, shape: Shape) -> U64:
    """Add up what comes to each recipient.

    Args:
        values: uint64[slots * width].
        source: uint32[slots], the place that each in-slot is filled from; `slots` for none.
        shape: of what is permuted.

    Returns:
        uint64[n * width].
    """
    rows = np.concatenate([values, np.zeros(shape.width, dtype=np.uint64)]).reshape(-1, shape.width)
    columns = source.reshape(shape.n, shape.degree)
    total = rows.take(columns[:, 0], axis=0, mode="clip")
    for slot in range(1, shape.degree):
        total += rows.take(columns[:, slot], axis=0, mode="clip")
    return total.reshape(-1)
