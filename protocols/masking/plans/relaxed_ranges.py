"""Which words a client of relaxed agents may send in an active run: as far from 0 as so many agents can be."""

from collections.abc import Callable
from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.masking.words import U8
from protocols.task.gradients.turn import Turn
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation

SIGN: Final = 1  # bit beside those of a magnitude


@final
class RelaxedRanges:
    """The range of every word, by client and round: of b bits either way, [-2**b, 2**b).

    A value is what so many agents add at most, in fixed point, and a derivative as many times the clip. What rounding
    adds to a value is below one agent's, which the next power of two leaves room for. Own agents' words are zero.

    Security: whoever stays within the ranges can still shift derivatives; see docs/private_gradients.md.
    """

    def __init__(self, manifest: Simulation) -> None:
        """Take what the manifest says of the run."""
        self._manifest, self._layout, self._gradient = manifest, Layout.of(manifest), manifest.require_gradient()
        model, cells = manifest.model.agents, len(manifest.cells)
        self._totals = [most for most in model.cell_most for _ in range(cells)]
        self._totals += [max(abs(word.low), abs(word.high)) for word in model.tally]
        self._bits: dict[tuple[str, bool], U8] = {}

    def bits(self, client: str, number: RoundNumber, *, steps: int = 1) -> U8:
        """Return of how many bits each word of a client is in a round, uint8[d]; of 0 bits, it is 0."""
        forth = self._gradient.way != "adjoints" or Turn.of(number, self._manifest.steps).forth
        if (client, forth) not in self._bits:
            self._bits[client, forth] = self._derive(client, forth=forth)
        return self._bits[client, forth]

    def words(self, public: Callable[[I64], I64], vector: U64, client: str, number: RoundNumber) -> I64:
        """Return what is checked, int64[d]: a client's words above the lowest one; arguments are those of `Ranges`."""
        bits = self.bits(client, number).astype(np.int64)
        return from_ring(vector) + public(np.where(bits > 0, np.int64(1) << np.maximum(bits - SIGN, 0), 0))

    @property
    def largest(self) -> int:
        """Return how far from 0 a sum over all clients is at most, where they lie within their ranges."""
        last = RoundNumber(self._manifest.schedule.rounds - 1)
        each = [[self.bits(client, number) for client in self._layout.own] for number in (FIRST_ROUND, last)]
        return max(sum(1 << max(int(bits.max(initial=0)) - SIGN, 0) for bits in turn) for turn in each)

    def _derive(self, client: str, *, forth: bool) -> U8:
        layout, gradient, people = self._layout, self._gradient, self._layout.size(client)
        value, derivative = 1 << gradient.value_bits, gradient.clip_word
        if gradient.way == "tangents":
            units = [value, *[derivative] * gradient.p]
            block = [most for total in self._totals for most in (total * value, *units[1:])]
        else:
            units = [value if forth else derivative]
            block = [total * value for total in self._totals] if forth else [derivative] * layout.cells
            block += [0] * (layout.release_words - len(block))
        row = [_width(people * self._manifest.max_message * unit) for unit in units]
        told = np.tile(np.array(row, dtype=np.uint8), (layout.n, layout.c // len(units)))
        told[slice(*layout.own[client])] = 0
        totals = np.array([_width(people * most) for most in block], dtype=np.uint8)
        return np.concatenate([told.reshape(-1), totals])


def _width(most: int) -> int:
    """Return the bits of what lies so far from 0, either way; none where nothing does."""
    return most.bit_length() + SIGN if most else 0
