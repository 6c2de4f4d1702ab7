"""The memory of the longest thing that a run deals, which is used again as soon as nobody looks at it any more."""

import sys
from typing import Final, final

import numpy as np

from aggregator.masking.trees.tree_kernels import Corrections
from protocols.arithmetic.fixed_point import U64

ALONE: Final = 3  # references to an array that is here, and that a loop and the count itself look at


@final
class KeyMemory:
    """Arrays for corrections, of one dealing at a time.

    Pages that a process has never written cost it as much time as what is written there. Whoever still holds an array
    or a view of its bytes keeps it: then others are made.
    """

    __slots__ = ("_arrays",)

    def __init__(self) -> None:
        """Begin with none."""
        self._arrays: list[U64] = []

    def corrections(self, bits: int, n: int) -> Corrections:
        """Return arrays to write the corrections of n agents and so many bits to; what stands in them is of no use."""
        shapes = [(bits, n, 2), (bits, n), (n,)]
        if [each.shape for each in self._arrays] != shapes or not self._is_free():
            self._arrays = []  # those of before go first
            self._arrays = [np.empty(shape, dtype=np.uint64) for shape in shapes]
        return Corrections(*self._arrays)

    def _is_free(self) -> bool:
        return all(sys.getrefcount(each) <= ALONE for each in self._arrays)
