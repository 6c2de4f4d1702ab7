"""Manifests of secure sums over the six hospitals of `calibration_hospitals`, for tests of their parts."""

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.secure_sum.parties import manifest_for
from protocols.releases.query import Release, Releases
from tests.calibration_hospitals import WEEKS, hospitals

SHAPE, WORDS, ONE = (2, 2, WEEKS), 4 * WEEKS, Contribution()


def sum_manifest(contribution=ONE, *, rounds=3, **changes):
    """Return the manifest of sums over the six hospitals."""
    addresses = ["127.0.0.1:1001", "127.0.0.1:1002"]
    given = {"contribution": contribution, "rounds": rounds, "min_cohort": 5}
    return manifest_for(tuple(hospitals()), SHAPE, addresses, **given | changes)


def sum_releases(scale=2.0, times=3, sensitivity=1):
    """Return releases of a sum with noise."""
    release = Release(
        name="sum",
        mechanism="discrete-gaussian",
        sigma=scale,
        sensitivity=sensitivity,
        times=times,
        unit="contribution",
        epsilon=1.0,
        delta=1e-6,
    )
    return Releases(each=(release,), rho=10.0)
