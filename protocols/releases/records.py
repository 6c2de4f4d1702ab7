"""What releases are called in ledgers, with all that their cost follows from."""

from collections.abc import Iterable

import msgspec

from protocols.releases.ledger import ReleaseRecord
from protocols.releases.mechanism import RunningNoise
from protocols.releases.query import NOISE, SCORE, Release


def records_of(
    releases: Iterable[Release], *, steps: int, changes: tuple[int, ...], copies: int = 1
) -> tuple[ReleaseRecord, ...]:
    """Return what a step opens, as every aggregator's ledger has it.

    Args:
        releases: that the step makes.
        steps: of the run.
        changes: by how much one agent can change each word of the score, or beside tangents of each unit of noise;
            none without derivatives.
        copies: replicates of the run, in each of which an agent changes as many numbers.
    """
    return tuple(_record(release, steps, changes, copies) for release in releases)


def _record(release: Release, steps: int, changes: tuple[int, ...], copies: int) -> ReleaseRecord:
    if release.mechanism != NOISE:
        return ReleaseRecord(release.name, release.mechanism)
    sigma, sensitivity, each, times = release.sigma, float(release.sensitivity), 1, release.times
    if release.name == "running":  # noise is added to one vector C x: an event changes it by its norm, once
        sensitivity = RunningNoise(release.sigma, steps + 1).sensitivity
        sigma, times = release.sigma * sensitivity, 1
    elif release.name == SCORE or release.norms is not msgspec.UNSET:
        sensitivity = float(min(changes))  # the smallest word is the coarsest: furthest from smooth
        sigma, each = release.sigma * sensitivity, release.times
    return ReleaseRecord(
        release.name,
        release.mechanism,
        sigma=sigma,
        sensitivity=sensitivity,
        each=copies * each,
        times=copies * times,
        unit=release.unit,
        delta=release.delta,
    )
