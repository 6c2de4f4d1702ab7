"""Which words a client may share: ranges that the manifest implies, checked before anything counts."""

import itertools
from collections.abc import Callable
from typing import Final, final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.models.agent_model import stage_ends
from protocols.task.gradients.hidden_score import column_bits, score_bits, score_words
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.rounds import Phase

NO_FIELDS: Final = np.zeros(0, dtype=np.int64)
U8 = npt.NDArray[np.uint8]


@final
class Ranges:
    """The range of every word, by client and round. A word of no bits must be zero.

    Security: whoever stays within the ranges can still lie: say that its agents are ill, or well, or many of those that
        it has in one stage. Where anybody leaves them, the round does not count and the run ends: see
        docs/security/validity.md.
    """

    def __init__(self, manifest: Simulation) -> None:
        """Take what the manifest says of the run."""
        self._manifest, self._layout = manifest, Layout.of(manifest)
        self._model = manifest.model.agents
        self._ends = stage_ends(self._model.tally)
        self._scores = score_words(manifest.gradient)
        self._bits: dict[tuple[str, Phase, bool, int], U8] = {}
        self._ends_of: dict[int, tuple[I64, I64]] = {}

    def bits(self, client: str, number: RoundNumber, *, steps: int | None = None) -> U8:
        """Return of how many bits each checked word of a client is in a round, uint8.

        Args:
            client: whose words these are.
            number: of the round.
            steps: in which own levels have grown to what is told; those of the run unless given.
        """
        schedule = self._manifest.schedule
        phase, last = schedule.phase(number), schedule.step(number) == self._manifest.steps
        name = (client, phase, last, self._manifest.steps if steps is None else steps)
        if name not in self._bits:
            self._bits[name] = self._speak(client, last) if phase == Phase.SPEAK else self._own(client, phase, name[3])
        return self._bits[name]

    def words(self, public: Callable[[I64], I64], vector: U64, client: str, number: RoundNumber) -> I64:
        """Return what is checked, int64: a client's words, and what follows from them.

        A total of n_own numbers in [low, high] is in its range where both what it is above the least and what it is
        below the greatest have so many bits as the range. The stages of each field add up to n_own.

        Args:
            public: from numbers that everybody knows to this party's part of them.
            vector: uint64, this party's part of a client's words: a share, or all of them.
            client: whose words these are.
            number: of the round.
        """
        share = from_ring(vector)
        if self._manifest.schedule.phase(number) != Phase.SPEAK:
            return share
        layout, size = self._layout, self._people(client)
        share, score = share[: share.size - self._scores], share[share.size - self._scores :]
        messages, totals = share[: layout.message_words], share[layout.message_words :]
        least, most = self._totals(size)
        stages, starts = totals[layout.cells :], (0, *self._ends)
        ends = itertools.pairwise(layout.copies * start for start in starts)
        fields = [stages[start:end].reshape(-1, layout.copies).sum(axis=0) for start, end in ends]
        everybody = np.concatenate([NO_FIELDS, *fields]) - public(np.full(len(fields) * layout.copies, size))
        above, below = totals - public(least), public(most) - totals
        if self._manifest.schedule.step(number) == self._manifest.steps:
            score = score + public(np.full(score.size, 1 << score_bits(self._manifest.gradient, size)))
        return np.concatenate([messages, above, below, everybody, score])

    def _totals(self, size: int) -> tuple[I64, I64]:
        """Return the least and the greatest total of each word of a release, over so many agents."""
        if size in self._ends_of:
            return self._ends_of[size]
        cells = len(self._manifest.cells)
        ranges = [(0, most) for most in self._model.cell_most for _ in range(cells)]
        ranges += [(word.low, word.high) for word in self._model.tally]
        least, most = np.repeat(np.array(ranges, dtype=np.int64).reshape(-1, 2) * size, self._layout.copies, axis=0).T
        self._ends_of[size] = least, most
        return least, most

    def _speak(self, client: str, last: bool) -> U8:
        layout, size = self._layout, self._people(client)
        spoken = np.zeros((layout.degree or layout.n, layout.c), np.uint8)
        spoken[:, : layout.channels] = 0 if last else self.message_bits(client)
        first, end = layout.own[client]
        if not layout.degree:
            spoken[first:end] = 0  # own agents hear from each other within the client
        if layout.c > layout.channels:
            model = self._manifest.model
            spoken[first:end, layout.channels :] = column_bits(self._manifest.require_gradient(), model)
        least, most = self._totals(size)
        each = [int(width).bit_length() for width in most - least]
        totals = np.array([*each, *each, *(0 for _ in self._ends for _ in range(layout.copies))], np.uint8)
        score = np.full(self._scores, score_bits(self._manifest.gradient, size) + 1 if last else 0, np.uint8)
        return np.concatenate([spoken.reshape(-1), totals, score])

    def message_bits(self, client: str) -> int:
        """Return the bits of the most that a client's agents together can say to one agent on one channel."""
        return (self._manifest.max_message * self._people(client)).bit_length()

    def _people(self, client: str) -> int:
        """Return how many agents of a client there are in each replicate."""
        return self._layout.size(client) // self._layout.copies

    def _own(self, client: str, phase: Phase, steps: int) -> U8:
        manifest, size = self._manifest, self._layout.size(client)
        people = self._people(client)
        thresholds = [(bound + 1).bit_length() for bound in manifest.level_bounds]
        outcomes = self._layout.outcomes
        if phase == Phase.THRESHOLDS:
            each = [bits for outcome, bits in zip(outcomes, thresholds, strict=True) if outcome.is_bit]
            return np.tile(np.array(each, np.uint8), size)
        own = self._model.level_bounds(n=people, max_message=manifest.max_message, steps=steps)
        columns = [
            outcome.column_bits(level=level.bit_length(), threshold=threshold)
            for outcome, level, threshold in zip(outcomes, own, thresholds, strict=True)
        ]
        return np.tile(np.array([bits for each in columns for bits in each], np.uint8), size)
