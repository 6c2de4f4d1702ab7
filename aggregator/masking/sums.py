"""What follows from masked words, and from pads, by the same linear functions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import final

import numpy as np

from aggregator.on_shares.levels import Levels
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.masking.plan import MaskingPlan
from protocols.masking.words import residue
from protocols.task.outcome_layout import split_columns
from protocols.task.rounds import Phase


@final
class MaskedSums:
    """Levels, thresholds and totals of a run, of masked words at an aggregator and of pads at the dealer.

    Every difference of the two is the true number, so neither party has it.
    """

    def __init__(self, plan: MaskingPlan) -> None:
        """Begin with nothing."""
        self._plan, self._levels = plan, Levels.decode(b"", plan.layout)

    def take(self, number: RoundNumber, words: Mapping[str, U64], renewed: U64 | None = None) -> None:
        """Take in a round: of each client that counts, its masked words or its pads.

        Args:
            number: of the round.
            words: of each client.
            renewed: uint64[rows * n], `restarting` after those levels that begin anew have; None where none can.
        """
        layout, outcomes, members = self._plan.layout, self._plan.layout.outcomes, tuple(words)
        phase = self._plan.phase(number)
        if phase == Phase.SPEAK:
            total = self._total(words)[: layout.message_words].reshape(layout.n, layout.c)
            self._levels = self._levels.add_exposure(outcomes, total)
        elif phase == Phase.DECIDE:
            self._grow(self._levels.grow_own(layout, self._spread(number, words), members), renewed)
        else:
            self._levels = self._levels.replace_thresholds(outcomes, self._spread(number, words))

    def _grow(self, grown: Levels, renewed: U64 | None) -> None:
        """Go on after a decision; of levels that can begin anew, all that was before stands in `renewed`."""
        rows, before = list(self._plan.restarts), self._levels
        if renewed is not None:
            level, own, exposure = grown.level.copy(), grown.own.copy(), grown.exposure.copy()
            level[rows] = renewed.reshape(len(rows), -1) + exposure[rows]
            own[rows] -= before.own[rows]
            exposure[rows] = 0
            grown = replace(grown, level=level, own=own, exposure=exposure)
        self._levels = grown

    def after(self, number: RoundNumber, words: Mapping[str, U64], renewed: U64 | None = None) -> "MaskedSums":
        """Return what comes of a further round, and leave this as it is."""
        later = MaskedSums(self._plan)
        later._levels = self._levels
        later.take(number, words, renewed)
        return later

    def restarting(self) -> U64:
        """Return the levels that can begin anew, before the messages of the step in hand, uint64[rows * n]."""
        rows = list(self._plan.restarts)
        return residue(self._levels.level[rows] + self._levels.own[rows]).reshape(-1)

    def restart_bits(self, number: RoundNumber, bits: Mapping[str, U64]) -> U64:
        """Return the masked bits, or masks of bits, of whose level begins anew, uint64[rows * n]: 0 or 1.

        Args:
            number: of a decision.
            bits: of each client, of all its words.
        """
        columns = split_columns(self._plan.layout.outcomes, self._spread(number, bits))
        return np.concatenate([columns[row]["anew"] for row in self._plan.restarts]) & np.uint64(1)

    def differences(self) -> U64:
        """Return threshold less level, uint64[o, n] modulo 2**58."""
        return residue(self._levels.tau - self._levels.level - self._levels.own)

    def _total(self, words: Mapping[str, U64]) -> U64:
        """Return the sum of what clients speak, uint64[d]."""
        total = np.zeros(self._plan.layout.d, dtype=np.uint64)
        for each in words.values():
            total += each
        return total

    def release(self, words: Mapping[str, U64]) -> U64:
        """Return the sum of what is opened of a step, uint64[cells + q] modulo 2**58; 0 where it stays closed."""
        opened = self._plan.layout.release_of(self._total(words)) * self._plan.release_mask().view(np.uint64)
        return residue(opened)

    def _spread(self, number: RoundNumber, words: Mapping[str, U64]) -> U64:
        """Return the words of clients' own agents at their places among those of all agents."""
        layout = self._plan.layout
        each = layout.each(self._plan.phase(number))
        spread = np.zeros(layout.n * each, dtype=np.uint64)
        for client, own in words.items():
            first, end = layout.own[client]
            spread[first * each : end * each] = own
        return spread
