"""What an aggregator opens of a calibration's round: nothing while draws are announced, then a sum with its noise."""

from typing import Final

import numpy as np

from protocols.arithmetic.counters import RoundNumber, Stream
from protocols.arithmetic.fixed_point import U64
from protocols.releases.mechanism import DiscreteGaussian
from protocols.releases.query import GRADIENT, NOISE
from protocols.task.manifest import Manifest
from protocols.task.release_plan import releases_of
from protocols.task.secure_sum.spec import answers

FIRST_STREAM: Final = 1


def release_gradient(manifest: Manifest, key: bytes, number: RoundNumber, total: U64, *, trial: int = 0) -> U64:
    """Return this aggregator's share of a sum as it may be told.

    Args:
        key: of this aggregator's noise in this run; each sum that is opened has its own stream of it.
        number: of the round.
        total: uint64[S * B * W], its share of the sum over members.
        trial: which of the round's sums this is, where several are opened to find out who sends garbage.

    Security: what a client tells in a round that only asks is never opened, whatever it is.
    """
    if not answers(number):
        return np.zeros_like(total)
    release, calibration = releases_of(manifest).of(GRADIENT), manifest.calibration
    if release is None or calibration is None or release.mechanism != NOISE:
        return total
    stream = Stream(FIRST_STREAM + number + trial * (manifest.steps + 1))
    noise = DiscreteGaussian(calibration.sigma(release)).from_key(key, total.size, stream=stream)
    return np.asarray(total + noise.view(np.uint64))
