"""The noise of a round's releases: those that the manifest allows, with this aggregator's noise added in full."""

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, final

import msgspec
import numpy as np

from aggregator.rounds.vectors import Vectors
from aggregator.store import Store
from protocols.arithmetic.counters import RoundNumber, Step, Stream
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.releases.mechanism import DiscreteGaussian, RunningNoise
from protocols.releases.query import NOISE, SCORE, SERIES, Release
from protocols.releases.suppression import FIRST
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase

STREAMS: Final = 4  # of each round: one for each release that has noise in every round, and one for its derivatives


@lru_cache(maxsize=4)
def _running(key: bytes, sigma: float, steps: int, copies: int) -> I64:
    """Return int64[steps, copies]."""
    noise = RunningNoise(sigma, steps)
    drawn = noise.gaussian.from_key(key, steps * copies).reshape(copies, steps)
    return np.stack([noise.of(each) for each in drawn], axis=1)


@final
class ReleaseState(msgspec.Struct, frozen=True):
    """What goes from one round's releases to the next; kept with the round.

    Attributes:
        made: how often each release was made.
        first: for each client, this aggregator's share of its agents in the first stage when it was last in, of each
            replicate.
        left: this aggregator's share of how many have left it by now, of each replicate.
    """

    made: dict[str, int] = {}
    first: dict[str, list[int]] = {}
    left: list[int] = []

    def __repr__(self) -> str:
        """Tell what was made, and nothing of the shares."""
        return f"ReleaseState(made={self.made})"


@final
@dataclass(frozen=True, slots=True)
class ReleaseNoise:
    """This aggregator's noise of a run: fixed by one key, which is kept before anything is told.

    A round that is done again, after a failure or a restart, gets the same noise again: fresh noise would average out.

    Attributes:
        plan, layout: of the run.
        index: of this aggregator in it.

    Security: every aggregator adds the full sigma, so that one honest one is enough. The key is drawn from the system
        and never leaves the store; who has it can take this aggregator's noise away.
    """

    plan: ReleasePlan
    layout: Layout
    index: int
    key: bytes = field(repr=False)

    @classmethod
    def load(cls, plan: ReleasePlan, layout: Layout, *, run: bytes, index: int, store: Store) -> "ReleaseNoise":
        """Go on with the run's key, or draw one and keep it."""
        return cls(plan, layout, index, store.noise_key(run, os.urandom(KEY_BYTES)))

    def add(
        self,
        number: RoundNumber,
        total: U64,
        members: tuple[str, ...],
        *,
        shares: Vectors,
        before: bytes,
    ) -> tuple[U64, bytes]:
        """Return a round's total as it may be told, and what to keep of it for the next one.

        Args:
            number: of the round.
            total: uint64, this aggregator's share of the sum over members.
            members: clients that took part.
            shares: of the round.
            before: what was to be kept of the round before.

        Raises:
            BudgetSpent: the manifest allows no further release; nothing was told.
        """
        plan, layout, releases = self.plan, self.layout, self.plan.releases
        if plan.schedule.phase(number) != Phase.SPEAK or not (releases.has_noise or releases.of("tally") is None):
            return total, before
        state = msgspec.msgpack.decode(before, type=ReleaseState) if before else ReleaseState()
        step, wide = plan.schedule.step(number), plan.width
        now = {release.name: state.made.get(release.name, 0) + 1 for release in plan.in_step(step)}
        made = state.made | now
        releases.require(made, copies=layout.copies)
        told = total.copy()
        start, size = layout.n * layout.c, wide * len(plan.tally)
        cells, tally = releases.of("cells"), told[start + layout.cells : start + layout.cells + size]
        score, words = releases.of(SCORE), told[start + layout.cells + size :]
        if score is not None and SCORE in now:
            noise = self.of(score, step, len(plan.changes))
            words[: noise.size] += noise.view(np.uint64)
        if cells is not None:
            told[start : start + layout.cells] += self.of(cells, step, layout.cells).view(np.uint64)
        if releases.of("tally") is not None:
            return told, msgspec.msgpack.encode(ReleaseState(made))
        tally[:] = 0
        at = layout.message_words + layout.cells + wide * FIRST  # of a client's own vector, which may be in slots
        new, first = self._count_leavers(members, shares, state, at=slice(at, at + wide))
        left = new + np.array(state.left or [0] * wide, dtype=np.uint64)
        for series in (release for release in releases.each if release.name in SERIES):
            count = new if series.name == "incidence" else left
            tally[wide * FIRST : wide * (FIRST + 1)] = count + self.of(series, step, wide).view(np.uint64)
        return told, msgspec.msgpack.encode(ReleaseState(made, first, left.tolist()))

    def of(self, release: Release, step: Step, d: int) -> I64:
        """Return int64[d], this aggregator's noise of a release in a step; zeros of an exact one."""
        if release.mechanism != NOISE:
            return np.zeros(d, dtype=np.int64)
        if release.name == "running":
            now: I64 = _running(self.key, release.sigma, self.plan.steps + 1, d)[step]
            return now
        if release.name == SCORE:
            after = 1 + STREAMS * (self.plan.steps + 1)  # a stream for each word, past those of all rounds
            scales = enumerate(self.plan.changes[:d], start=after)
            drawn = [DiscreteGaussian(release.sigma * by).from_key(self.key, 1, stream=Stream(at)) for at, by in scales]
            return np.concatenate(drawn)
        stream = Stream(1 + STREAMS * step + (release.name == "cells"))
        units = self.plan.units(release)
        if not units:
            return DiscreteGaussian(release.sigma).from_key(self.key, d, stream=stream)
        beside: I64 = np.empty((d // len(units), len(units)), dtype=np.int64)
        for part, at in ((slice(0, 1), stream), (slice(1, None), Stream(stream + 2))):  # values, and derivatives
            words = beside[:, part]
            law = DiscreteGaussian(release.sigma * units[part][0])
            words[:] = law.from_key(self.key, words.size, stream=at).reshape(words.shape)
        return beside.reshape(d)

    def _count_leavers(
        self, members: tuple[str, ...], shares: Vectors, state: ReleaseState, *, at: slice
    ) -> tuple[U64, dict[str, list[int]]]:
        """Return the share of how many left the first stage, uint64[width], of each member since it was last in.

        A client that misses rounds is counted when it is back, so that each of its agents is counted once in a run.
        """
        layout, first = self.layout, dict(state.first)
        unit = np.ones(layout.copies, dtype=np.uint64)
        if (gradient := self.plan.gradient) is not None and gradient.relaxed:
            unit = np.array([2**gradient.value_bits, *[0] * gradient.p], dtype=np.uint64)
        new = np.zeros_like(unit)
        for client in members:
            people = layout.size(client) // layout.copies if self.index == 0 else 0
            before = np.array(first.get(client, people * unit), dtype=np.uint64)
            now = shares.of(client)[at]
            first[client] = now.tolist()
            new += before - now
        return new, first
