"""The memory of the longest thing that a run deals, which is used again as soon as nobody looks at it any more."""

import weakref
from typing import final

import numpy as np

from aggregator.masking.trees.tree_kernels import Corrections
from protocols.arithmetic.fixed_point import U64


@final
class KeyMemory:
    """Words for corrections, of one dealing at a time.

    Pages that a process has never written cost it as much time as what is written there. Arrays, views of them and
    views of their bytes all hold the one array that is lent: as long as it is alive somebody may read it, and another
    dealing has other words.
    """

    __slots__ = ("_lent", "_words")

    def __init__(self) -> None:
        """Begin with none."""
        self._words = bytearray()
        self._lent: weakref.ref[U64] | None = None

    def corrections(self, bits: int, n: int) -> Corrections:
        """Return arrays to write the corrections of n agents and so many bits to; what stands in them is of no use."""
        nodes, payloads = 2 * bits * n, bits * n
        size = nodes + payloads + n
        if len(self._words) != 8 * size or (self._lent is not None and self._lent() is not None):
            self._words = bytearray()  # those of before go first
            self._words = bytearray(8 * size)
        lent: U64 = np.frombuffer(self._words, dtype=np.uint64)  # no view of an array, so that views of it hold itself
        self._lent = weakref.ref(lent)
        return Corrections(
            lent[:nodes].reshape(bits, n, 2), lent[nodes : nodes + payloads].reshape(bits, n), lent[nodes + payloads :]
        )
