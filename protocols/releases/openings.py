"""What a step's releases are called in ledgers, with all that their cost follows from."""

from protocols.releases.ledger import Opened
from protocols.releases.mechanism import RunningNoise
from protocols.releases.query import NOISE, SCORE, Release, opened_in
from protocols.releases.sensitivity import changes
from protocols.task.manifest import Manifest


def openings(manifest: Manifest, step: int) -> tuple[Opened, ...]:
    """Return what a step opens, as every aggregator's ledger has it."""
    return tuple(_opened(manifest, release) for release in opened_in(manifest, step))


def _opened(manifest: Manifest, release: Release) -> Opened:
    if release.mechanism != NOISE:
        return Opened(release.name, release.mechanism)
    sigma, sensitivity, each, times = release.sigma, float(release.sensitivity), 1, release.times
    if release.name == "running":  # noise is added to one vector C x: an event changes it by its norm, once
        sensitivity = RunningNoise(release.sigma, manifest.steps + 1).sensitivity
        sigma, times = release.sigma * sensitivity, 1
    elif release.name == SCORE:
        sensitivity = float(min(changes(manifest)))  # the smallest word is the coarsest: furthest from smooth
        sigma, each = release.sigma * sensitivity, release.times
    return Opened(
        release.name,
        release.mechanism,
        sigma=sigma,
        sensitivity=sensitivity,
        each=each,
        times=times,
        unit=release.unit,
        delta=release.delta,
    )
