"""One replay of a noise path, and that of a secure sum: one institution's vector is there or not."""

from dataclasses import dataclass
from typing import Final, final

import msgspec
import numpy as np
import numpy.typing as npt

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.releases.query import NOISE, SUM, Release, Releases
from protocols.task.manifest import Manifest
from protocols.task.parties import InstitutionParty
from protocols.task.secure_sum.spec import SecureSum, answers

RUNS: Final = 10_000  # of a noise path
AMPLE: Final = float(2**50)  # a budget that no replay reaches
ROUNDS: Final = 3
SIGMAS: Final = {SUM: (1.19, 4.22)}
INSTITUTIONS: Final = (InstitutionParty("institution"), InstitutionParty("other"))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """One noised release, and what an event changes.

    Attributes:
        manifest: of one client with one agent, or two; of a secure sum, two institutions.
        without: uint64[T + 1, d], what the client shares in each step.
        event: the same, to be added where there is an event.
        reads: which words of which steps are released with noise: the step and the word of each.
        change: float[len(reads)], by how much the event changes each of them.
        promised: sigma of a single number that an event changes by 1, and that would tell as much.
    """

    manifest: Manifest
    without: U64
    event: U64
    reads: tuple[tuple[int, int], ...]
    change: npt.NDArray[np.float64]
    promised: float


def sum_replay(manifest: SecureSum, sigma: float) -> Replay:
    """Return the small run for the sums of a run, with the sigma that it is promised.

    The event is all that one institution contributes: as much as its norm bound allows, in every sum.
    """
    given = _small(manifest, sigma)
    reads = tuple((step, 0) for step in range(given.steps + 1) if answers(RoundNumber(step)))
    largest = int(given.reach)
    change = np.array([largest * (-1) ** place for place in range(len(reads))])  # finds noise that repeats
    without, event = np.zeros((2, given.steps + 1, given.length), dtype=np.uint64)
    event[[step for step, _ in reads], 0] = change.view(np.uint64)
    return Replay(given, without, event, reads, change.astype(np.float64), sigma / np.sqrt(len(reads)))


def _small(manifest: SecureSum, sigma: float) -> SecureSum:
    release = Release(
        name=SUM, mechanism=NOISE, sigma=sigma, times=2 * ROUNDS, unit="contribution", epsilon=1.0
    )  # a mutant opens in every step
    releases = Releases(each=(release,), rho=AMPLE)
    changes = {"clients": INSTITUTIONS, "min_cohort": 2, "shape": (2,), "rounds": ROUNDS, "trust": None}
    return msgspec.structs.replace(manifest, **changes, releases=releases)
