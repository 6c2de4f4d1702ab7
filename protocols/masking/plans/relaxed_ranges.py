"""Which words a client of relaxed agents may send in an active run: as far from 0 as so many agents can be."""

from collections.abc import Callable
from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.masking.words import U8
from protocols.task.gradients.turn import Turn
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation

BitsAndLowest = tuple[int, int]
ZERO: Final = (0, 0)
SIGN: Final = 1  # bit beside those of a magnitude
EXACT: Final = 40  # bits of a value in float64 that no rounding of its computation reaches


@final
class RelaxedRanges:
    """The range of every word, by client and round.

    A value is what so many agents add at least and at most, in fixed point, and a derivative as many times the clip,
    either way, [-2**b, 2**b). Own agents' words are zero, and all messages where nobody moves after the round.

    Security: whoever stays within the ranges can still shift derivatives; see docs/private_gradients.md. A message of
        less than nothing is out of them: it would take away what others tell, and bring agents beyond any chance.
    """

    def __init__(self, manifest: Simulation) -> None:
        """Take what the manifest says of the run."""
        self._manifest, self._layout, self._gradient = manifest, Layout.of(manifest), manifest.require_gradient()
        model, cells = manifest.model.agents, len(manifest.cells)
        self._totals = [(0, most) for most in model.cell_most for _ in range(cells)]
        self._totals += [(min(word.low, 0), max(word.high, 0)) for word in model.tally]
        self._known: dict[tuple[str, bool, bool], tuple[U8, I64]] = {}

    def bits(self, client: str, number: RoundNumber, *, steps: int = 1) -> U8:
        """Return of how many bits each word of a client is in a round, uint8[d]; of 0 bits, it is 0."""
        return self._of_round(client, number)[0]

    def words(self, public: Callable[[I64], I64], vector: U64, client: str, number: RoundNumber) -> I64:
        """Return what is checked, int64[d]: a client's words above the lowest one; arguments are those of `Ranges`."""
        return from_ring(vector) - public(self._of_round(client, number)[1])

    @property
    def largest(self) -> int:
        """Return how far from 0 a sum over all clients is at most, where they lie within their ranges."""
        turns = (True, False) if self._gradient.way == "adjoints" else (True,)
        each = [[self._derive(client, forth=forth) for client in self._layout.own] for forth in turns]
        return max(sum(_furthest([*(row if self._layout.c else ()), *block]) for row, block in turn) for turn in each)

    def _of_round(self, client: str, number: RoundNumber) -> tuple[U8, I64]:
        """Return of each word its bits, and the lowest, uint8[d] and int64[d]."""
        steps, layout = self._manifest.steps, self._layout
        turn = Turn.of(number, steps) if self._gradient.way == "adjoints" else Turn(True, number)
        if (key := (client, turn.forth, 0 <= turn.t < steps)) not in self._known:
            row, block = self._derive(client, forth=turn.forth)
            told = np.zeros((layout.n, layout.c // len(row), len(row), 2), dtype=np.int64)
            told[:] = row if key[-1] else ZERO
            told[slice(*layout.own[client])] = ZERO
            bits, lowest = np.concatenate([told.reshape(-1, 2), block]).T
            self._known[key] = bits.astype(np.uint8), lowest.copy()
        return self._known[key]

    def _derive(self, client: str, *, forth: bool) -> tuple[list[BitsAndLowest], list[BitsAndLowest]]:
        """Return the ranges of what is told another agent on a channel, and of all that is released."""
        layout, gradient, people = self._layout, self._gradient, self._layout.size(client)
        derivative, said = people * gradient.clip_word, people * self._manifest.max_message
        if not forth:
            return [_either_way(derivative * self._manifest.max_message)], [_either_way(derivative)] * layout.cells
        beside = gradient.p if gradient.way == "tangents" else 0
        row = [self._value(0, said), *[_either_way(derivative * self._manifest.max_message)] * beside]
        block = []
        for low, high in self._totals:
            block += [self._value(low * people, high * people), *[_either_way(derivative)] * beside]
        return row, block + [ZERO] * (layout.release_words - len(block))

    def _value(self, low: int, high: int) -> BitsAndLowest:
        """Return the bits and the lowest of what so many agents add between two numbers, rounded."""
        unit = 1 << self._gradient.value_bits
        room = max(-low, high) * unit >> EXACT
        lowest = low * unit - room
        return ((high * unit + room - lowest).bit_length(), lowest) if high > low else ZERO


def _either_way(most: int) -> BitsAndLowest:
    """Return the bits and the lowest of what lies so far from 0, either way."""
    return (most.bit_length() + SIGN, -(1 << most.bit_length())) if most else ZERO


def _furthest(each: list[BitsAndLowest]) -> int:
    """Return how far from 0 any of these words is at most."""
    return max((max(-lowest, (1 << bits) - 1 + lowest) for bits, lowest in each), default=0)
