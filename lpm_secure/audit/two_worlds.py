"""The two-world audit: replay this build's noise path on neighbouring inputs, and hold it to what is promised.

One agent's event, in the first step, is there in one world and not in the other. If the noise is what the manifest
promises, no test can tell the worlds apart better than one number with that sigma allows. The audit makes the best
linear test that it can: the covariance of a whole series is learned from half of the replays, and the test scored on
the other half. A path fails where even the upper end of the sigma so found (5 standard errors) is below the promise.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from aggregator.noise import Noise
from aggregator.outcome import Vectors
from lpm_secure.accounting import gaussian_epsilon
from protocols.fixed import I64
from protocols.layout import Layout
from protocols.manifest import Manifest
from protocols.privacy.running import GRID, square_root
from protocols.releases import NOISE, SERIES, Release, Releases, releases_of
from protocols.schedule import Phase
from protocols.substeps import Stage

RUNS: Final = 10_000
FEW: Final = 2_000  # replays find a mutant
STEPS: Final = 5  # of a replayed series
SIGMAS: Final = {"incidence": (1.19, 4.22), "running": (1.19, 4.22, 40.0)}
ERRORS: Final = 5.0
DELTA: Final = 1e-6
Path = Callable[[int], Noise]  # the noise of a step
Maker = Callable[[Manifest], Path]


def honest(manifest: Manifest) -> Path:
    """Return the noise of this build, with a fresh key."""
    noise = Noise(manifest, 0, os.urandom(32))
    return lambda step: noise


def halved(manifest: Manifest) -> Path:
    """Return a mutant: half the sigma."""
    return honest(_scaled(manifest, 0.5))


def divided(manifest: Manifest) -> Path:
    """Return a mutant: the aggregators share the noise among them instead of adding it in full."""
    return honest(_scaled(manifest, 1 / np.sqrt(2)))


def constant(manifest: Manifest) -> Path:
    """Return a mutant: noise from a seed that is the same in every run."""
    return lambda step: Noise(manifest, 0, bytes(32))


def forgetful(manifest: Manifest) -> Path:
    """Return a mutant: a new key in every step, so that the noise of totals averages out."""
    return lambda step: Noise(manifest, 0, os.urandom(32))


def unscaled(manifest: Manifest) -> Path:
    """Return a mutant: noise for a number, although an event changes all totals after it."""
    norm = np.linalg.norm(square_root(manifest.steps + 1)) / 2**GRID
    return honest(_scaled(manifest, 1 / float(norm)))


MUTANTS: Final[Mapping[str, Mapping[str, Maker]]] = {
    "incidence": {"halved sigma": halved, "divided sigma": divided, "constant seed": constant},
    "running": {
        "halved sigma": halved,
        "divided sigma": divided,
        "constant seed": constant,
        "a new key in every step": forgetful,
        "noise for one number": unscaled,
    },
}


def _scaled(manifest: Manifest, factor: float) -> Manifest:
    each = tuple(msgspec.structs.replace(rule, sigma=rule.sigma * factor) for rule in releases_of(manifest).each)
    return msgspec.structs.replace(manifest, releases=Releases(each=each, rho=float(2**50)))


def rules(manifest: Manifest) -> list[tuple[str, float]]:
    """Return which series are replayed, and with which sigmas: those of the run among them."""
    own = {(str(each.name), each.sigma) for each in releases_of(manifest).each if each.mechanism == NOISE}
    fixed = {(name, sigma) for name, sigmas in SIGMAS.items() for sigma in sigmas}
    return sorted(fixed | {(name, sigma) for name, sigma in own if name in SERIES})


def small(manifest: Manifest, name: str, sigma: float) -> Manifest:
    """Return the run's manifest with one noised series, one client and no cells, to replay quickly."""
    given = {"name": name, "mechanism": NOISE, "sigma": sigma, "unit": "contribution", "epsilon": 1.0}
    rule = msgspec.convert(given, Release)
    client = msgspec.structs.replace(manifest.clients[0], agents=manifest.clients[0].agents[:1])
    changes: dict[str, Any] = {"clients": (client,), "min_cohort": 1, "cells": (), "trust": None, "gradient": None}
    changes |= {"steps": STEPS, "devices": None, "edges": "dense", "releases": Releases(each=(rule,), rho=float(2**50))}
    changes["calibration"] = None
    return msgspec.structs.replace(manifest, **changes)


def replayed(make: Maker, manifest: Manifest, event: int, runs: int) -> I64:
    """Return int64[runs, T + 1]: the series that one aggregator opens, with fresh noise each time."""
    layout, names = Layout.of(manifest), (manifest.clients[0].name,)
    at = layout.n * layout.c + layout.cells + Stage.S
    vector = np.zeros(layout.d, dtype=np.uint64)
    vector[at] = layout.size(names[0]) - event
    shares = Vectors(lambda client: vector, lambda members: vector)
    numbers = [manifest.schedule.number(step, Phase.SPEAK) for step in range(manifest.steps + 1)]
    series = np.empty((runs, len(numbers)), dtype=np.uint64)
    for run in series:
        path, before = make(manifest), b""
        for step, number in enumerate(numbers):
            told, before = path(step).open(number, vector, names, shares=shares, before=before)
            run[step] = told[at]
    return series.view(np.int64)


def found(worlds: npt.NDArray[np.float64], change: npt.NDArray[np.float64]) -> tuple[float, float]:
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


def audit(manifest: Manifest, name: str, sigma: float, make: Maker = honest, *, runs: int = RUNS) -> list[str]:
    """Return what is wrong with the noise path of one series; nothing of an honest one."""
    given = small(manifest, name, sigma)
    worlds = np.array([replayed(make, given, event, runs // 2) for event in (0, 1)], dtype=np.float64)
    change = np.ones(STEPS + 1) if name == "running" else np.eye(STEPS + 1)[0]
    sd, apart = found(worlds, change)
    most = sd * (1 + ERRORS / np.sqrt(runs))  # half of the replays, each world's own mean taken away
    lines = []
    if most < sigma:
        epsilon = gaussian_epsilon(most, DELTA) if most > sigma / 1e6 else float("inf")
        lines.append(
            f"the noise path of {name} has sigma {sd:.3g}, not {sigma:g}: epsilon at least {epsilon:.3g}, and not "
            f"{gaussian_epsilon(sigma, DELTA):.3g}"
        )
    if abs(apart - 1) > ERRORS * max(sd, sigma) * 2 / np.sqrt(runs / 2):
        lines.append(f"one event changes {name} {apart:.3g} times as much as it should")
    return lines


def noise_of_steps(manifest: Manifest, make: Maker = honest) -> list[str]:
    """Return whether two steps, or two aggregators, have the same noise."""
    given = small(manifest, "incidence", 1e6)
    rule, path, other = releases_of(given).each[0], make(given), make(given)
    drawn = [tuple(path(step).of(rule, step, 4).tolist()) for step in range(50)]
    drawn.append(tuple(other(0).of(rule, 0, 4).tolist()))
    return [] if len(set(drawn)) == len(drawn) else ["two releases have the same noise, so their difference has none"]
