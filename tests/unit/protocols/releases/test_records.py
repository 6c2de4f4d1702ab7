"""Releases as a ledger writes them down."""

from protocols.releases.mechanism import RunningNoise
from protocols.releases.query import Release, Releases
from protocols.task.release_plan import ReleasePlan

STEPS = 6
DELTA = 1e-6


def noised(name, sigma, **changes):
    return Release(
        name=name, mechanism="discrete-gaussian", sigma=sigma, unit="contribution", epsilon=9.0, delta=DELTA, **changes
    )


def test_running_totals_are_written_down_as_the_vector_that_has_the_noise(manifest_of):
    manifest = manifest_of(steps=STEPS, releases=Releases(each=(noised("running", 4.0),), rho=1.0))
    [opened] = ReleasePlan.of(manifest).records(2)
    norm = RunningNoise(4.0, STEPS + 1).sensitivity
    assert (opened.sigma, opened.sensitivity, opened.each, opened.times) == (4.0 * norm, norm, 1, 1)
