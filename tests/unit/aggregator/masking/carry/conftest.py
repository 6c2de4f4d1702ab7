"""Comparisons that a dealer has dealt, and what two aggregators open of them."""

import numpy as np
import pytest

from aggregator.masking.carry.circuit import carry_circuit, evaluate, join, open_bits, to_planes
from aggregator.masking.carry.share import deal_carry
from protocols.masking.words import stream_of


class Opened:
    """One dealing of n comparisons, opened by honest aggregators.

    Attributes:
        bits: uint64[n], masked.
        own: of each aggregator, uint64[j, w].
    """

    def __init__(self, bits, n, seed=1):
        random = np.random.default_rng(seed)
        self.r, self.z = random.integers(0, 2 ** (bits + 1), (2, n), dtype=np.uint64)
        self.z[::3] = self.r[::3]
        self.masks = random.integers(0, 2, n, dtype=np.uint64)
        *self.shares, self.told = deal_carry(self.r, self.masks, bits=bits, draw=stream_of(random.bytes(32)))
        steps, lines, told = open_bits(carry_circuit(bits), to_planes(self.z, bits + 1)), [], []
        try:
            lines.append(next(steps))
            while True:
                told.append([evaluate(lines[-1], share.planes) for share in self.shares])
                lines.append(steps.send(told[-1][0] ^ told[-1][1]))
        except StopIteration as done:
            self.plane = done.value ^ self.told
        self.lines, self.own = join(lines), [np.concatenate(each) for each in zip(*told, strict=True)]


@pytest.fixture
def opened():
    """Return what deals and opens."""
    return Opened
