"""What follows from masked words, and from pads, by the same linear functions."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import final

import numpy as np

from aggregator.on_shares.levels import Levels
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.masking.plans.run_plan import RunPlan
from protocols.masking.words import residue
from protocols.task.outcome_layout import split_columns
from protocols.task.rounds import Phase


@final
class MaskedSums:
    """Levels, thresholds and totals of a run, of masked words at an aggregator and of pads at the dealer.

    Every difference of the two is the true number, so neither party has it.
    """

    def __init__(self, plan: RunPlan) -> None:
        """Begin with nothing."""
        self._plan, self._levels = plan, Levels.decode(b"", plan.layout)

    def encode(self) -> bytes:
        """Return the bytes that `restore` reads."""
        return self._levels.encode() if self._plan.outcomes else b""

    def restore(self, content: bytes) -> None:
        """Go on with what was encoded."""
        self._levels = Levels.decode(content, self._plan.layout)

    def take(self, number: RoundNumber, words: Mapping[str, U64], opened: U64 | None = None) -> None:
        """Take in a round: of each client that counts, its masked words or its pads.

        Args:
            number: of the round.
            words: of each client.
            opened: uint64[products * n], the products of `factors` and secret bits; None where there are none.
        """
        layout, outcomes, members = self._plan.layout, self._plan.outcomes, tuple(words)
        if not outcomes:
            return
        phase = self._plan.phase(number)
        if phase == Phase.SPEAK:
            total = self._total(words)[: layout.message_words].reshape(layout.n, layout.c)
            self._levels = self._levels.add_exposure(outcomes, total)
        elif phase == Phase.DECIDE:
            self._grow(self._levels.grow_own(layout, self._spread(number, words), members), opened, members)
        else:
            self._levels = self._levels.replace_thresholds(outcomes, self._spread(number, words))

    def _grow(self, grown: Levels, opened: U64 | None, members: Collection[str]) -> None:
        """Go on after a decision, with what was opened of products; of clients that are away the levels wait."""
        before, layout = self._levels, self._plan.layout
        here = np.zeros(layout.n, dtype=np.uint64)
        for client in members:
            here[slice(*layout.own[client])] = 1
        if opened is not None:
            level, own, exposure = grown.level.copy(), grown.own.copy(), grown.exposure.copy()
            products = opened.reshape(len(self._plan.products), layout.n)
            for (row, column, place), product in zip(self._plan.products, products, strict=True):
                if column == "anew":
                    level[row] += here * (product - level[row])
                    own[row] -= here * before.own[row]
                else:
                    level[row] += here * (product << np.uint64(place))
            for row, outcome in enumerate(layout.outcomes):
                if outcome.weight is None:
                    level[row] += here * exposure[row]
            exposure *= np.uint64(1) - here
            grown = replace(grown, level=level, own=own, exposure=exposure)
        self._levels = grown

    def after(self, number: RoundNumber, words: Mapping[str, U64], opened: U64 | None = None) -> "MaskedSums":
        """Return what comes of a further round, and leave this as it is."""
        later = MaskedSums(self._plan)
        later._levels = self._levels
        later.take(number, words, opened)
        return later

    def factors(self) -> U64:
        """Return what is multiplied, uint64[products * n]: levels before the step in hand, and what came in it."""
        levels = self._levels
        parts = [
            levels.level[row] + levels.own[row] if column == "anew" else levels.exposure[row]
            for row, column, _ in self._plan.products
        ]
        return residue(np.concatenate(parts))

    def bits(self, number: RoundNumber, bits: Mapping[str, U64], *, inverse: bool) -> U64:
        """Return the bits that a product is 0 for, masked, or their masks, uint64[products * n]: 0 or 1.

        Args:
            number: of a decision.
            bits: of each client, of all its words.
            inverse: whether to turn those that a product is 0 without: one of the two who share a bit does.
        """
        columns = split_columns(self._plan.layout.outcomes, self._spread(number, bits))
        return np.concatenate(
            [
                (columns[row][column] >> np.uint64(place) & np.uint64(1)) ^ np.uint64(inverse and column == "weight")
                for row, column, place in self._plan.products
            ]
        )

    def differences(self) -> U64:
        """Return threshold less level, uint64[o, n] modulo 2**58."""
        return residue(self._levels.tau - self._levels.level - self._levels.own)

    def _total(self, words: Mapping[str, U64]) -> U64:
        """Return the sum of what clients speak, uint64[d]."""
        total = np.zeros(self._plan.layout.d, dtype=np.uint64)
        for each in words.values():
            total += each
        return total

    def exposures(self, number: RoundNumber, words: Mapping[str, U64]) -> U64:
        """Return 0 less each exposure that clients are told in a round that decides nothing, uint64[c, n]."""
        layout = self._plan.layout
        if not self._plan.reveals(number):
            return np.zeros((0, layout.n), dtype=np.uint64)
        return residue(np.uint64(0) - self._total(words)[: layout.message_words].reshape(layout.n, layout.c).T)

    def release(self, words: Mapping[str, U64]) -> U64:
        """Return the sum of what is opened of a step, uint64[cells + q] modulo 2**58; 0 where it stays closed."""
        return residue(self.counts(words) * self._plan.release_mask().view(np.uint64))

    def counts(self, words: Mapping[str, U64]) -> U64:
        """Return the sum of all that could be opened of a step, uint64[cells + q] modulo 2**58."""
        return residue(self._plan.layout.release_of(self._total(words)))

    def _spread(self, number: RoundNumber, words: Mapping[str, U64]) -> U64:
        """Return the words of clients' own agents at their places among those of all agents."""
        layout = self._plan.layout
        each = layout.each(self._plan.phase(number))
        spread = np.zeros(layout.n * each, dtype=np.uint64)
        for client, own in words.items():
            first, end = layout.own[client]
            spread[first * each : end * each] = own
        return spread
