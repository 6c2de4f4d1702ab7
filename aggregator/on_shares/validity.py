"""Which words a client may share: ranges that the manifest implies, checked on shares before anything counts."""

from typing import final

import numpy as np
import numpy.typing as npt

from aggregator.on_shares.backend import Calculator
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.models.run_model import agent_model_of
from protocols.task.gradients.hidden_score import column_bits, score_bits, score_words
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest
from protocols.task.rounds import Phase

U8 = npt.NDArray[np.uint8]


@final
class Ranges:
    """The range of every word, by client and round. A word of no bits must be zero.

    Security: whoever stays within the ranges can still lie: say that its agents are ill, or well, or many of those that
        it has in one stage. Where anybody leaves them, the round does not count and the run ends: see
        docs/security/validity.md.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Take what the manifest says of the run."""
        self._manifest, self._layout = manifest, Layout.of(manifest)
        self._model = agent_model_of(manifest.model)
        self._scores = score_words(manifest.gradient)
        self._bits: dict[tuple[str, Phase, bool], U8] = {}

    def bits(self, client: str, number: RoundNumber) -> U8:
        """Return of how many bits each checked word of a client is in a round, uint8."""
        schedule = self._manifest.schedule
        phase, last = schedule.phase(number), schedule.step(number) == self._manifest.steps
        if (client, phase, last) not in self._bits:
            self._bits[client, phase, last] = (
                self._speak(client, last) if phase == Phase.SPEAK else self._own(client, phase)
            )
        return self._bits[client, phase, last]

    def words(self, calculator: Calculator, vector: U64, client: str, number: RoundNumber) -> I64:
        """Return the shares to check, int64: a client's words, and what follows from them.

        Counts are in [0, n_own] where both the count and `n_own` less the count are in the range of bits of n_own. The
        tally adds up to n_own.
        """
        share = from_ring(vector)
        if self._manifest.schedule.phase(number) != Phase.SPEAK:
            return share
        layout, size = self._layout, self._layout.size(client)
        share, score = np.split(share, [share.size - self._scores])
        counts = share[layout.message_words :]
        rest = calculator.public(np.full(counts.size, size)) - counts
        tally = counts[layout.cells :].sum(keepdims=True) - calculator.public(np.array([size]))
        if self._manifest.schedule.step(number) == self._manifest.steps:
            score = score + calculator.public(np.full(score.size, 1 << score_bits(self._manifest.gradient, size)))
        return np.concatenate([share, rest, tally, score])

    def _speak(self, client: str, last: bool) -> U8:
        layout, size = self._layout, self._layout.size(client)
        spoken = np.zeros((layout.degree or layout.n, layout.c), np.uint8)
        spoken[:, : layout.channels] = 0 if last else self.message_bits(client)
        first, end = layout.own[client]
        if not layout.degree:
            spoken[first:end] = 0  # own agents hear from each other within the client
        if layout.c > layout.channels:
            spoken[first:end, layout.channels :] = column_bits(self._manifest.gradient, layout.channels)
        counts = np.full(2 * (layout.release_words - self._scores), size.bit_length(), np.uint8)
        score = np.full(self._scores, score_bits(self._manifest.gradient, size) + 1 if last else 0, np.uint8)
        return np.concatenate([spoken.reshape(-1), counts, np.zeros(1, np.uint8), score])

    def message_bits(self, client: str) -> int:
        """Return the bits of the most that a client's agents together can say to one agent on one channel."""
        return (self._manifest.max_message * self._layout.size(client)).bit_length()

    def _own(self, client: str, phase: Phase) -> U8:
        manifest, size = self._manifest, self._layout.size(client)
        thresholds = [(bound + 1).bit_length() for bound in manifest.level_bounds]
        outcomes = self._layout.outcomes
        if phase == Phase.THRESHOLDS:
            each = [bits for outcome, bits in zip(outcomes, thresholds, strict=True) if outcome.is_bit]
            return np.tile(np.array(each, np.uint8), size)
        own = self._model.level_bounds(n=size, max_message=manifest.max_message, steps=manifest.steps)
        columns = [
            outcome.column_bits(level=level.bit_length(), threshold=threshold)
            for outcome, level, threshold in zip(outcomes, own, thresholds, strict=True)
        ]
        return np.tile(np.array([bits for each in columns for bits in each], np.uint8), size)
