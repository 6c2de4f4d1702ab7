"""Which words a client of relaxed agents may send in an active run: as far from 0 as so many agents can be."""

from collections.abc import Callable
from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.masking.words import U8
from protocols.task.gradients.turn import Turn
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest

Range = tuple[int, int]  # least and greatest
ZERO: Final = (0, 0)
DRIFT: Final = 20  # bits of a value that no rounding of its computation reaches, however many steps there are
EXACT: Final = 40  # the same of 0, which does not drift


@final
class RelaxedRanges:
    """The range of every word, by client and round.

    A value is what so many agents add at least and at most, in fixed point, and a derivative as many times the clip,
    either way. What is released is held against both ends; of messages, the greatest is the next power of two. Own
    agents' words are zero, and all messages where nobody moves after the round.

    Security: whoever stays within the ranges can still shift derivatives; see docs/private_gradients.md. A message of
        less than nothing is out of them: it would take away what others tell, and bring agents beyond any chance.
    """

    def __init__(self, manifest: SimulationManifest) -> None:
        """Take what the manifest says of the run."""
        self._manifest, self._layout, self._gradient = manifest, Layout.of(manifest), manifest.require_gradient()
        model, cells = manifest.model.agents, len(manifest.cells)
        self._totals = [(0, most) for most in model.cell_most for _ in range(cells)]
        self._totals += [(min(word.low, 0), max(word.high, 0)) for word in model.tally]
        self._known: dict[tuple[str, bool, bool], tuple[I64, I64, U8]] = {}

    def bits(self, client: str, number: RoundNumber, *, steps: int = 1) -> U8:
        """Return of how many bits each checked word of a client is in a round, uint8; of 0 bits, it is 0."""
        return self._of_round(client, number)[2]

    def words(self, public: Callable[[I64], I64], vector: U64, client: str, number: RoundNumber) -> I64:
        """Return what is checked, int64: how far a client's words are above the least, and what is released below the
        greatest; arguments are those of `Ranges`.
        """
        share, (least, most, _) = from_ring(vector), self._of_round(client, number)
        return np.concatenate([share - public(least), public(most) - share[self._layout.message_words :]])

    @property
    def largest(self) -> int:
        """Return how far from 0 a sum over all clients is at most, where they lie within their ranges."""
        turns = (True, False) if self._gradient.way == "adjoints" else (True,)
        each = [[self._derive(client, forth=forth) for client in self._layout.own] for forth in turns]
        return max(sum(_furthest([*(row if self._layout.c else ()), *block]) for row, block in turn) for turn in each)

    def _of_round(self, client: str, number: RoundNumber) -> tuple[I64, I64, U8]:
        """Return the least of each word, the greatest of what is released, and the bits of all that is checked."""
        steps, layout = self._manifest.steps, self._layout
        turn = Turn.of(number, steps) if self._gradient.way == "adjoints" else Turn(True, number)
        if (key := (client, turn.forth, 0 <= turn.t < steps)) not in self._known:
            row, block = self._derive(client, forth=turn.forth)
            told = np.zeros((layout.n, layout.c // len(row), len(row), 2), dtype=np.int64)
            told[:] = row if key[-1] else ZERO
            told[slice(*layout.own[client])] = ZERO
            least, most = np.concatenate([told.reshape(-1, 2), block]).T
            bits = np.array([int(width).bit_length() for width in np.unique(most - least)], dtype=np.uint8)
            bits = bits[np.unique(most - least, return_inverse=True)[1]]
            released = slice(layout.message_words, None)
            self._known[key] = least.copy(), most[released].copy(), np.concatenate([bits, bits[released]])
        return self._known[key]

    def _derive(self, client: str, *, forth: bool) -> tuple[list[Range], list[Range]]:
        """Return the ranges of what is told another agent on a channel, and of all that is released."""
        layout, gradient, people = self._layout, self._gradient, self._layout.size(client)
        derivative, said = people * gradient.clip_word, people * self._manifest.max_message
        own, told = (-derivative, derivative), _power_of_two(said * gradient.clip_word)
        if not forth:
            return [told], [own] * layout.cells
        beside = gradient.p if gradient.way == "tangents" else 0
        block = []
        for low, high in self._totals:
            block += [self._value(low * people, high * people), *[own] * beside]
        return [self._value(0, said), *[told] * beside], block + [ZERO] * (layout.release_words - len(block))

    def _value(self, low: int, high: int) -> Range:
        """Return between which numbers that is what so many agents add between two, rounded."""
        least, most = low << self._gradient.value_bits, high << self._gradient.value_bits
        return least - (-least >> DRIFT) - (most >> EXACT), most + (max(-least, most) >> DRIFT)


def _power_of_two(most: int) -> Range:
    """Return what lies so far from 0, either way, or up to the next power of two."""
    return (-(1 << most.bit_length()), (1 << most.bit_length()) - 1) if most else ZERO


def _furthest(each: list[Range]) -> int:
    """Return how far from 0 any of these words is at most, where the greatest is the next power of two."""
    return max((max(-least, (1 << (most - least).bit_length()) - 1 + least) for least, most in each), default=0)
