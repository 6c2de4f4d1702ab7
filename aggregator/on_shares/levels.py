"""Levels and thresholds as one aggregator's shares, from round to round."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from aggregator.on_shares.backend import Calculator
from protocols.arithmetic.fixed_point import U64, from_ring, to_ring
from protocols.models import Seir
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest
from protocols.task.threshold_layout import split_columns, words_per_agent


@final
@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """This aggregator's shares of levels and thresholds, which nobody may know: uint64[n] each.

    Attributes:
        hazard: H_i as far as it came from other clients, summed up to now.
        own: the part of H_i that the agent's client knows by itself, as it told last.
        tau: the agents' thresholds.
        exposure: of a model whose clients tell more than hazards, what came from others and has not been weighted or
            added to the hazard yet; else empty.
    """

    hazard: U64 = field(repr=False)
    own: U64 = field(repr=False)
    tau: U64 = field(repr=False)
    exposure: U64 = field(repr=False, default_factory=lambda: np.zeros(0, dtype=np.uint64))

    def encode(self) -> bytes:
        """Return the bytes that a store keeps."""
        return self.hazard.tobytes() + self.own.tobytes() + self.tau.tobytes() + self.exposure.tobytes()

    @classmethod
    def decode(cls, content: bytes, n: int, *, exposure: bool = False) -> "Levels":
        """Read what `encode` wrote, and what may stand behind it not; zeros from nothing."""
        parts = 4 if exposure else 3
        words = np.frombuffer(content[: parts * 8 * n], dtype=np.uint64) if content else np.zeros(parts * n, np.uint64)
        return cls(words[:n], words[n : 2 * n], words[2 * n : 3 * n], words[3 * n :])

    @classmethod
    def of(cls, manifest: Manifest, content: bytes) -> "Levels":
        """Read what a run's last round left."""
        n = sum(len(client.agents) for client in manifest.clients)
        return cls.decode(content, n, exposure=words_per_agent(manifest.model) > 1)

    def add_exposure(self, increment: U64) -> "Levels":
        """Return this with the exposures of a step, weighted by beta, uint64[n]."""
        if self.exposure.size:
            return Levels(self.hazard, self.own, self.tau, self.exposure + increment)
        return Levels(self.hazard + increment, self.own, self.tau)

    def replace_own(self, model: Seir, layout: Layout, total: U64, members: Sequence[str]) -> "Levels":
        """Return this with the levels and thresholds that clients shared of their own agents.

        They share their own hazard as a sum from the beginning of the spell: shared twice, it still counts once.
        """
        own, tau, shares = self.own.copy(), self.tau.copy(), split_columns(model, total)
        for client in members:
            first, end = layout.own[client]
            own[first:end] = shares["hazard"][first:end]
            if "threshold" in shares:
                tau[first:end] = shares["threshold"][first:end]
        return Levels(self.hazard, own, tau, self.exposure)

    def replace_hazards(self, model: Seir, layout: Layout, total: U64, members: Sequence[str], hazard: U64) -> "Levels":
        """Return this with hazards as `hazards` computed them, and nothing left of what they took in."""
        exposure = self.exposure.copy()
        for client in members:
            first, end = layout.own[client]
            exposure[first:end] = 0
        replaced = self.replace_own(model, layout, total, members)
        return Levels(hazard, replaced.own, replaced.tau, exposure)

    def hazards(
        self, calculator: Calculator, model: Seir, layout: Layout, *, total: U64, members: Sequence[str]
    ) -> U64:
        """Return H <- H - anew H + weight X on shares, uint64[n]: one Beaver multiplication of all agents alike.

        Agents of clients that shared nothing keep their hazard, and their exposure waits.

        Security: `anew` and `weight` are shares as H and X are. Nothing of them is opened.
        """
        shares, exposure = split_columns(model, total), np.zeros_like(self.exposure)
        for client in members:
            first, end = layout.own[client]
            exposure[first:end] = self.exposure[first:end]
        x = [shares[name] for name in ("anew", "weight") if name in shares]
        y = [term for name, term in (("anew", self.hazard), ("weight", exposure)) if name in shares]
        products = to_ring(calculator.multiply(from_ring(np.concatenate(x)), from_ring(np.concatenate(y))))
        by_name = dict(
            zip([name for name in ("anew", "weight") if name in shares], np.split(products, len(x)), strict=True)
        )
        nothing = np.zeros_like(self.hazard)
        return self.hazard - by_name.get("anew", nothing) + by_name.get("weight", exposure)
