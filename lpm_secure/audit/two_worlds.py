"""The two-world audit: replay this build's noise path on neighbouring inputs, and hold it to what is promised.

One agent's event, in the first step, is there in one world and not in the other. If the noise is what the manifest
promises, no test can tell the worlds apart better than one number with that sigma allows. The audit makes the best
linear test that it can: the covariance of a whole series is learned from half of the replays, and the test scored on
the other half. A path fails where even the upper end of the sigma so found (5 standard errors) is below the promise.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, final

import msgspec
import numpy as np
import numpy.typing as npt

from aggregator.masking.noise import noise_of
from aggregator.release.noise import ReleaseNoise
from aggregator.release.sum_noise import SumNoise
from aggregator.rounds.vectors import Vectors
from lpm_secure.accounting import gaussian_epsilon
from lpm_secure.audit.replay import RUNS, Replay
from lpm_secure.audit.replays import replay_of
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.masking.party import digest_of
from protocols.masking.plan import plan_of
from protocols.masking.plans.run_plan import RunPlan
from protocols.releases.mechanism.running_sum import GRID, square_root
from protocols.releases.query import SCORE, SUM, Releases
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, Simulation, is_active
from protocols.task.release_plan import ReleasePlan, releases_of
from protocols.task.rounds import Phase
from protocols.task.secure_sum.spec import SecureSum

FEW: Final = 2_000  # replays find a mutant
ERRORS: Final = 5.0
DELTA: Final = 1e-6
WIDE: Final = 4.0  # of a sum, in norms of many units: no two samples are the same by chance


class NoisePath(Protocol):
    """A noise path: opens the rounds of a run."""

    def add(
        self, number: RoundNumber, total: U64, members: tuple[str, ...], *, shares: Vectors, before: bytes
    ) -> tuple[U64, bytes]:
        """Return a round's total as it may be told, and what to keep of it for the next one."""


@final
@dataclass(frozen=True, slots=True)
class SumPath:
    """The noise path of a secure sum."""

    noise: SumNoise

    def add(
        self, number: RoundNumber, total: U64, members: tuple[str, ...], *, shares: Vectors, before: bytes
    ) -> tuple[U64, bytes]:
        """Open it."""
        return self.noise.add(number, total, before=before)


@final
@dataclass(frozen=True, slots=True)
class MaskedPath:
    """The noise path of an active run: of the dealer, or of both aggregators together, by the operator's key."""

    plan: RunPlan
    key: bytes

    def add(
        self, number: RoundNumber, total: U64, members: tuple[str, ...], *, shares: Vectors, before: bytes
    ) -> tuple[U64, bytes]:
        """Open it; a round is asked for once, over these members."""
        noise, told = noise_of(self.plan, self.key, number, digest_of(*map(str.encode, members))), total.copy()
        first = self.plan.layout.message_words if isinstance(self.plan.manifest, Simulation) else 0
        told[first : first + noise.size] += noise.view(np.uint64)
        return told, b""


def path_of(manifest: Manifest, key: bytes) -> NoisePath:
    """Return this build's noise path of a run, with a key."""
    if is_active(manifest):
        return MaskedPath(plan_of(manifest), key)
    if isinstance(manifest, SecureSum):
        return SumPath(SumNoise(ReleasePlan.of(manifest), manifest.sigma, key))
    return ReleaseNoise(ReleasePlan.of(manifest), Layout.of(manifest), 0, key)


Path = Callable[[int], NoisePath]  # of a step
Maker = Callable[[Manifest], Path]


def fresh_noise(manifest: Manifest) -> Path:
    """Return the noise of this build, with a fresh key."""
    noise = path_of(manifest, os.urandom(32))
    return lambda step: noise


def half_sigma(manifest: Manifest) -> Path:
    """Return a mutant: half the sigma."""
    return fresh_noise(_scale(manifest, 0.5))


def divide_sigma(manifest: Manifest) -> Path:
    """Return a mutant: the aggregators share the noise among them instead of adding it in full."""
    return fresh_noise(_scale(manifest, 1 / np.sqrt(2)))


def constant_seed(manifest: Manifest) -> Path:
    """Return a mutant: noise from a seed that is the same in every run."""
    return lambda step: path_of(manifest, bytes(32))


def new_keys(manifest: Manifest) -> Path:
    """Return a mutant: a new key in every step, so that the noise of totals averages out."""
    return lambda step: path_of(manifest, os.urandom(32))


def omit_sensitivity(manifest: Manifest) -> Path:
    """Return a mutant: noise for a number, although an event changes all totals after it."""
    norm = np.linalg.norm(square_root(manifest.steps + 1)) / 2**GRID
    return fresh_noise(_scale(manifest, 1 / float(norm)))


@final
@dataclass(frozen=True, slots=True)
class FirstStep:
    """A noise path that takes every step for the first one."""

    noise: NoisePath
    first: RoundNumber

    def add(
        self, number: RoundNumber, total: U64, members: tuple[str, ...], *, shares: Vectors, before: bytes
    ) -> tuple[U64, bytes]:
        """Open it with the first step's noise."""
        return self.noise.add(self.first, total, members, shares=shares, before=before)


def repeat_noise(manifest: Manifest) -> Path:
    """Return a mutant: the same noise in every step, so that steps differ by what is true."""
    first = next(step for step in map(Step, range(manifest.steps + 1)) if ReleasePlan.of(manifest).in_step(step))
    path = FirstStep(path_of(manifest, os.urandom(32)), manifest.schedule.number(first, Phase.SPEAK))
    return lambda step: path


WEAK: Final[Mapping[str, Maker]] = {
    "halved sigma": half_sigma,
    "divided sigma": divide_sigma,
    "constant seed": constant_seed,
}
MUTANTS: Final[Mapping[str, Mapping[str, Maker]]] = {
    "incidence": {**WEAK, "the same noise in every step": repeat_noise},
    "running": {**WEAK, "a new key in every step": new_keys, "noise for one number": omit_sensitivity},
    "cells": {**WEAK, "the same noise in every step": repeat_noise},
    SCORE: WEAK,
    SUM: {**WEAK, "the same noise in every step": repeat_noise},
}


def _scale(manifest: Manifest, factor: float) -> Manifest:
    each = tuple(msgspec.structs.replace(rule, sigma=float(rule.sigma * factor)) for rule in releases_of(manifest).each)
    return msgspec.structs.replace(manifest, releases=Releases(each=each, rho=float(2**50)))


def replay_runs(make: Maker, replay: Replay, event: int, runs: int) -> I64:
    """Return int64[runs, numbers]: what one aggregator opens of a release, with fresh noise each time."""
    manifest, vectors = replay.manifest, replay.without + np.uint64(event) * replay.event
    schedule, names = manifest.schedule, tuple(client.name for client in manifest.clients)
    numbers = (schedule.number(Step(step), Phase.SPEAK) for step in range(len(vectors)))
    rounds = [(number, vector, _shares(vector)) for number, vector in zip(numbers, vectors, strict=True)]
    opened = np.empty((runs, len(replay.reads)), dtype=np.uint64)
    for run in opened:
        path, before, told = make(manifest), b"", []
        for step, (number, vector, shares) in enumerate(rounds):
            total, before = path(step).add(number, vector, names, shares=shares, before=before)
            told.append(total)
        run[:] = [told[step][word] for step, word in replay.reads]
    return opened.view(np.int64)


def _shares(vector: U64) -> Vectors:
    return Vectors(lambda client: vector, lambda members: vector)


def best_linear_test(worlds: npt.NDArray[np.float64], change: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return sigma over the change of the best linear test, and how far the worlds are apart by it, of 1.

    Args:
        worlds: [2, runs, T], without an event and with it.
        change: [T], by what the event should change a series.
    """
    half = worlds.shape[1] // 2
    learned, scored = worlds[:, :half], worlds[:, half:]
    centred = (learned - learned.mean(axis=1, keepdims=True)).reshape(-1, change.size)
    covariance = np.atleast_2d(np.cov(centred.T))
    ridge = 1e-9 * (1 + np.trace(covariance))  # noise that never changes has no covariance
    weights = np.linalg.solve(covariance + ridge * np.eye(change.size), change)
    values = scored @ (weights / (weights @ change))
    sd = float(np.sqrt(np.mean(values.var(axis=1, ddof=1))))
    return sd, float(values[1].mean() - values[0].mean())


def audit(manifest: Manifest, name: str, sigma: float, make: Maker = fresh_noise, *, runs: int = RUNS) -> list[str]:
    """Return what is wrong with the noise path of one release; nothing of an honest one."""
    replay = replay_of(manifest, name, sigma)
    promised = replay.promised
    worlds = np.array([replay_runs(make, replay, event, runs // 2) for event in (0, 1)], dtype=np.float64)
    sd, apart = best_linear_test(worlds, replay.change)
    most = sd * (1 + ERRORS / np.sqrt(runs))  # half of the replays, each world's own mean taken away
    lines = []
    if most < promised:
        epsilon = gaussian_epsilon(most, DELTA) if most > promised / 1e6 else float("inf")
        lines.append(
            f"the noise of {name} hides an event as sigma {sd:.3g} would, not {promised:.3g}: epsilon at least "
            f"{epsilon:.3g}, and not {gaussian_epsilon(promised, DELTA):.3g}"
        )
    if abs(apart - 1) > ERRORS * max(sd, promised) * 2 / np.sqrt(runs / 2):
        lines.append(f"one event changes {name} {apart:.3g} times as much as it should")
    return lines


def noise_of_steps(manifest: Manifest, make: Maker = fresh_noise) -> list[str]:
    """Return whether two steps, or two aggregators, have the same noise."""
    replay = replay_of(manifest, "incidence", WIDE if isinstance(manifest, SecureSum) else 2.0**34)
    drawn = [tuple(row) for row in replay_runs(make, replay, 0, 2).tolist()]
    alike = len({number for row in drawn for number in row}) < sum(map(len, drawn))
    return ["two releases have the same noise, so their difference has none"] if alike else []
