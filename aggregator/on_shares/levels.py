"""Levels and thresholds as one aggregator's shares, from round to round."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from aggregator.on_shares.backend import Calculator
from protocols.arithmetic.fixed_point import U64, from_ring, to_ring
from protocols.models.outcome import OutcomeSpec
from protocols.task.layout import Layout
from protocols.task.outcome_layout import split_columns

Outcomes = Sequence[OutcomeSpec]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """This aggregator's shares of levels and thresholds, which nobody may know: uint64[o, n] each.

    Attributes:
        level: of each outcome, as far as it came from other clients, summed up to now.
        own: the part of it that the agent's client knows by itself, as it told last.
        tau: the agents' thresholds; nothing of outcomes that reveal the sum.
        exposure: of outcomes whose levels take a multiplication, what came from others and has not been weighted or
            added to the level yet; nothing of others.
    """

    level: U64 = field(repr=False)
    own: U64 = field(repr=False)
    tau: U64 = field(repr=False)
    exposure: U64 = field(repr=False)

    def encode(self) -> bytes:
        """Return the bytes that a store keeps."""
        return b"".join(part.tobytes() for part in (self.level, self.own, self.tau, self.exposure))

    @classmethod
    def decode(cls, content: bytes, layout: Layout) -> "Levels":
        """Read what `encode` wrote, and what may stand behind it not; zeros from nothing."""
        shape = (4, len(layout.outcomes), layout.n)
        size = int(np.prod(shape))
        words = np.frombuffer(content[: 8 * size], dtype=np.uint64) if content else np.zeros(size, np.uint64)
        return cls(*words.reshape(shape))

    def add_exposure(self, outcomes: Outcomes, exposures: U64) -> "Levels":
        """Return this after a step's messages.

        Args:
            outcomes: of the model.
            exposures: uint64[n, c], of each contact channel.
        """
        level, exposure = self.level.copy(), self.exposure.copy()
        for row, outcome in enumerate(outcomes):
            factors = np.array(outcome.coefficients, dtype=np.int64).view(np.uint64)
            grown = (exposures * factors).sum(axis=1, dtype=np.uint64)
            if not outcome.keep:  # the level is that of the present step
                level[row], exposure[row] = 0, 0
            (exposure if outcome.multiplies else level)[row] += grown
        return replace(self, level=level, exposure=exposure)

    def replace_thresholds(self, outcomes: Outcomes, total: U64) -> "Levels":
        """Return this with the thresholds that clients share before the first step, uint64[n * bits]."""
        tau = self.tau.copy()
        rows = [row for row, outcome in enumerate(outcomes) if outcome.is_bit]
        tau[rows] = total.reshape(tau.shape[1], len(rows)).T
        return replace(self, tau=tau)

    def replace_own(self, layout: Layout, total: U64, members: Sequence[str]) -> "Levels":
        """Return this with the levels and thresholds that clients shared of their own agents.

        They share their own part as a sum since the level began, so shared twice it still counts once.
        """
        own, tau = self.own.copy(), self.tau.copy()
        for row, shares in enumerate(split_columns(layout.outcomes, total)):
            for first, end in _slots(layout, members):
                own[row, first:end] = shares["level"][first:end]
                if "threshold" in shares:
                    tau[row, first:end] = shares["threshold"][first:end]
        return replace(self, own=own, tau=tau)

    def grow_own(self, layout: Layout, total: U64, members: Sequence[str]) -> "Levels":
        """Return this after clients shared by how much the levels of their own agents grow in a step."""
        after = self.replace_own(layout, total, members)
        own = after.own.copy()
        for row, outcome in enumerate(layout.outcomes):
            for first, end in _slots(layout, members) if outcome.keep else ():
                own[row, first:end] += self.own[row, first:end]
        return replace(after, own=own)

    def replace_levels(self, layout: Layout, members: Sequence[str], level: U64) -> "Levels":
        """Return this with levels as `multiply` computed them, and nothing left of what they took in."""
        exposure = self.exposure.copy()
        for first, end in _slots(layout, members):
            exposure[:, first:end] = 0
        return replace(self, level=level.reshape(self.level.shape), exposure=exposure)

    def multiply(self, calculator: Calculator, layout: Layout, *, total: U64, members: Sequence[str]) -> U64:
        """Return L <- L - anew L + weight X on shares, uint64[o, n]: one Beaver multiplication of all agents alike.

        Agents of clients that shared nothing keep their levels, and their exposures wait.

        Security: `anew` and `weight` are shares as L and X are. Nothing of them is opened.
        """
        waits = np.zeros_like(self.exposure)
        for first, end in _slots(layout, members):
            waits[:, first:end] = self.exposure[:, first:end]
        level, factors, terms = self.level + waits, [], []
        places: list[tuple[int, str]] = []
        for row, (outcome, shares) in enumerate(
            zip(layout.outcomes, split_columns(layout.outcomes, total), strict=True)
        ):
            for name, term in (("anew", self.level[row]), ("weight", waits[row])):
                if name in outcome.columns:
                    factors.append(shares[name])
                    terms.append(term)
                    places.append((row, name))
        products = to_ring(calculator.multiply(from_ring(np.concatenate(factors)), from_ring(np.concatenate(terms))))
        for (row, name), product in zip(places, np.split(products, len(places)), strict=True):
            level[row] += product - waits[row] if name == "weight" else np.uint64(0) - product
        return level


def _slots(layout: Layout, members: Sequence[str]) -> Iterator[tuple[int, int]]:
    return (layout.own[client] for client in members)
