"""The two-world audit: replay this build's noise path on neighbouring inputs, and hold it to what is promised.

One event more or less shifts a release by one. If the noise has the promised sigma, no test can tell the worlds apart
better than that sigma allows. The audit estimates the sigma that the path really has, from both worlds together, and
fails it where even the upper end of the estimate (5 standard errors) is below the promise.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from aggregator.noise import Noise
from aggregator.outcome import Vectors
from lpm_secure.accounting import gaussian_epsilon
from protocols.fixed import I64
from protocols.layout import Layout
from protocols.manifest import Manifest
from protocols.releases import Release, Releases
from protocols.schedule import Phase
from protocols.substeps import Stage

RUNS: Final = 20_000
SIGMA: Final = 4.22
ERRORS: Final = 5.0
DELTA: Final = 1e-6
Maker = Callable[[Manifest, int], Noise]


def honest(manifest: Manifest, index: int) -> Noise:
    """Return the noise of this build, with a fresh key."""
    return Noise(manifest, index, os.urandom(32))


def halved(manifest: Manifest, index: int) -> Noise:
    """Return a mutant: half the sigma."""
    return _scaled(manifest, index, 0.5)


def divided(manifest: Manifest, index: int) -> Noise:
    """Return a mutant: the aggregators share the noise among them instead of adding it in full."""
    return _scaled(manifest, index, 1 / np.sqrt(2))


def constant(manifest: Manifest, index: int) -> Noise:
    """Return a mutant: the noise comes from a seed that is the same in every run."""
    return Noise(manifest, index, bytes(32))


MUTANTS: Final[Mapping[str, Maker]] = {"halved sigma": halved, "divided sigma": divided, "constant seed": constant}


def _scaled(manifest: Manifest, index: int, factor: float) -> Noise:
    assert manifest.releases is not None  # noqa: S101 - `small` sets it
    each = tuple(msgspec.structs.replace(rule, sigma=rule.sigma * factor) for rule in manifest.releases.each)
    releases = msgspec.structs.replace(manifest.releases, each=each)
    return replace(honest(manifest, index), manifest=msgspec.structs.replace(manifest, releases=releases))


def small(manifest: Manifest) -> Manifest:
    """Return the run's manifest with one noised release, one client and no cells, to replay quickly."""
    rule = Release(name="incidence", mechanism="discrete-gaussian", sigma=SIGMA, unit="contribution", epsilon=1.01)
    client = msgspec.structs.replace(manifest.clients[0], agents=manifest.clients[0].agents[:1])
    changes = {"clients": (client,), "min_cohort": 1, "cells": (), "trust": None, "gradient": None}
    return msgspec.structs.replace(manifest, **changes, releases=Releases(each=(rule,), rho=1.0))


def replayed(make: Maker, manifest: Manifest, event: int, runs: int) -> I64:
    """Return int64[runs]: what one aggregator opens of the incidence, with fresh noise each time."""
    layout = Layout.of(manifest)
    at = layout.n * layout.c + layout.cells + Stage.S
    vector = np.zeros(layout.d, dtype=np.uint64)
    vector[at] = layout.size(manifest.clients[0].name) - event
    shares = Vectors(lambda client: vector, lambda members: vector)
    number = manifest.schedule.number(0, Phase.SPEAK)
    names = (manifest.clients[0].name,)
    opened = [make(manifest, 0).open(number, vector, names, shares=shares, before=b"")[0][at] for _ in range(runs)]
    return np.array(opened, dtype=np.uint64).view(np.int64)


def audit(manifest: Manifest, make: Maker = honest, *, runs: int = RUNS) -> list[str]:
    """Return what is wrong with a noise path; nothing of an honest one."""
    given = small(manifest)
    worlds = [replayed(make, given, event, runs // 2) for event in (0, 1)]
    sd = float(np.sqrt(np.mean([world.var(ddof=1) for world in worlds])))
    most = sd * (1 + ERRORS / np.sqrt(2 * runs))
    lines = []
    if most < SIGMA:
        epsilon = gaussian_epsilon(most, DELTA) if most > 0 else float("inf")
        promised = gaussian_epsilon(SIGMA, DELTA)
        lines.append(
            f"the noise path has sigma {sd:.3g}, not {SIGMA}: epsilon at least {epsilon:.3g}, not {promised:.3g}"
        )
    shift = float(worlds[1].mean() - worlds[0].mean())
    if abs(shift - 1) > ERRORS * SIGMA * 2 / np.sqrt(runs):
        lines.append(f"one event shifts the release by {shift:.3g}, and not by 1")
    return lines


def noise_of_steps(make: Maker, manifest: Manifest) -> list[str]:
    """Return whether two steps, or two aggregators, have the same noise."""
    rule = Release(name="cells", mechanism="discrete-gaussian", sigma=1e6, unit="contribution", epsilon=1.0)
    one, other = make(small(manifest), 0), make(small(manifest), 1)
    drawn = [tuple(one.of(rule, step, 4).tolist()) for step in range(50)] + [tuple(other.of(rule, 0, 4).tolist())]
    return [] if len(set(drawn)) == len(drawn) else ["two releases have the same noise, so their difference has none"]
