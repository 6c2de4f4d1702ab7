"""Noise of a masked run's releases: the dealer's in full, and that of both aggregators together in full."""

import hmac
from typing import final

import msgspec
import numpy as np

from protocols.arithmetic.counters import RoundNumber, Stream
from protocols.arithmetic.fixed_point import I64
from protocols.masking.plans.run_plan import RunPlan
from protocols.releases.mechanism import DiscreteGaussian


@final
class ReleaseSpending:
    """How often each release was made, within the manifest's budget."""

    def __init__(self, plan: RunPlan) -> None:
        """Begin with nothing spent."""
        self._plan = plan
        self._made: dict[str, int] = {}

    def charge(self, number: RoundNumber) -> None:
        """Count the releases of a step, before anything of it is opened.

        Raises:
            BudgetSpent: the manifest allows no further release.
        """
        plan = self._plan.release_plan
        now = plan.in_step(plan.schedule.step(number))
        made = self._made | {release.name: self._made.get(release.name, 0) + 1 for release in now}
        plan.releases.require(made, copies=plan.copies)
        self._made = made


def noise_of(plan: RunPlan, key: bytes, number: RoundNumber, question: bytes) -> I64:
    """Return one operator's noise of a step's release, int64[cells + q]; zeros of what is exact.

    Args:
        plan: of the run.
        key: the operator's, 32 bytes of the system's randomness.
        number: of the round.
        question: the hash of what both aggregators asked, so that another question meets other noise.

    Security: sigma in full, so that one honest operator of the two is enough.
    """
    noise, name = np.zeros(plan.layout.release_words, dtype=np.int64), (plan.run, int(number), question)
    own = hmac.digest(key, b"lpm masked noise " + msgspec.msgpack.encode(name), "sha256")
    for stream, (first, count, sigma) in enumerate(plan.noises(number)):
        noise[first : first + count] = DiscreteGaussian(sigma).from_key(own, count, stream=Stream(stream))
    return noise
