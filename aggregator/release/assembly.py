"""What opens a run's rounds at one aggregator, put together by its manifest."""

from collections.abc import Sequence

from aggregator.release.cohort_sum import CohortSum, PoolPeer
from aggregator.release.noise import ReleaseNoise
from aggregator.release.sum_noise import SumNoise
from aggregator.store import Store
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest
from protocols.task.release_plan import ReleasePlan
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import SecureSum


def release_of(
    manifest: Manifest, run: bytes, index: int, *, store: Store, peers: Sequence[PoolPeer]
) -> CohortSum | ReleaseNoise:
    """Return what opens a run's rounds: sums that are tested, or a simulation's with their noise."""
    plan = ReleasePlan.of(manifest)
    if not isinstance(manifest, SecureSum):
        return ReleaseNoise.load(plan, Layout.of(manifest), run=run, index=index, store=store)
    noise, timeout_s = SumNoise.load(plan, manifest.sigma, run=run, store=store), manifest.round_timeout_s
    return CohortSum(SumRule.of(manifest), run, noise, peers, store=store, timeout_s=timeout_s)
