"""Private agents in this process, whose releases have the noise that aggregators would add."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np

from aggregator.release.noise import ReleaseNoise
from lpm_secure.engine.loop import PrivatePart, StepRelease
from lpm_secure.engine.tally import TallyEstimator
from lpm_secure.gradients.private.tangents import ClearTangents
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import SERIES, Release
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan


@final
class NoisedPart(PrivatePart):
    """The releases of a run over clients, of departures and cells with noise, without its processes.

    Security: hides nothing from whoever has this process; its figures are those that an engine would see.
    """

    def __init__(
        self, part: PrivatePart, plan: ReleasePlan, layout: Layout, model: GraphModel, *, keys: Sequence[bytes]
    ) -> None:
        """Add each aggregator's noise, from its key, to what a part in the clear releases of a run."""
        self._part, self._layout, self._releases = part, layout, plan.releases
        self._reading = TallyEstimator(plan, model, layout.n)
        self._noises = [ReleaseNoise(plan, layout, index, key) for index, key in enumerate(keys)]
        self._remaining: I64 = np.zeros(plan.width, dtype=np.int64)
        self._remaining[0] = layout.n * (2**plan.gradient.value_bits if plan.gradient else 1)

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Go through a step, and return what it releases, noise included."""
        heard, cells = announced.copy(), self._noise(self._releases.of("cells"), step, self._layout.cells)
        heard[: cells.size] += cells  # agents hear what is released
        release = await self._part.advance(step, heard)
        words, remaining = np.zeros(self._layout.q, dtype=np.int64), release.tally.reshape(-1)[: self._remaining.size]
        series = next(each for each in self._releases.each if each.name in SERIES)
        departed = self._remaining - remaining + self._noise(series, step, remaining.size)
        words[: remaining.size], self._remaining = departed, remaining
        return replace(release, cells=release.cells + cells, tally=self._reading.tally(words))

    def _noise(self, release: Release | None, step: int, d: int) -> I64:
        """Return the noise of all aggregators together, int64[d]."""
        if release is None:
            return np.zeros(d, dtype=np.int64)
        return np.asarray(sum(noise.of(release, Step(step), d) for noise in self._noises))


def add_noise(testbed: Testbed) -> NoisedPart:
    """Return the private agents of a run with tangents, with noise from keys of the system."""
    manifest = testbed.manifest
    keys = [os.urandom(KEY_BYTES) for _ in manifest.aggregators]
    plan, layout = ReleasePlan.of(manifest), Layout.of(manifest)
    return NoisedPart(ClearTangents(testbed), plan, layout, manifest.model, keys=keys)
