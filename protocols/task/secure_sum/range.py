"""Whether an opened sum of gradients can be what its members were allowed to add."""

import math
from typing import TYPE_CHECKING, Final

from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError
from protocols.task.secure_sum.spec import GRADIENT, sigma

if TYPE_CHECKING:
    from protocols.task.manifest import Manifest

LARGEST_DEVIATION: Final = 6.5  # a norm of d normal numbers exceeds sqrt(d) + t with probability exp(-t**2 / 2)


def in_range(manifest: "Manifest", total: I64, members: int) -> bool:
    """Tell whether the norm of a sum is no larger than its members' clipped gradients, with rounding and noise.

    It is reckoned in whole numbers, so that every party finds the same.

    Args:
        total: int64[d], as opened.
        members: how many clients it is over.

    Raises:
        ParameterError: the run is no calibration.

    Security: so garbage that shows does no harm. Within the range a client can shift a sum unseen. With noise, honest
        clients' sum is out of range once in 10**9 sums or less.
    """
    given = manifest.calibration
    if given is None:
        raise ParameterError(f"{manifest.name} is no calibration, and sums no gradients")
    release = manifest.releases.of(GRADIENT) if manifest.releases is not None else None
    noise = math.sqrt(len(manifest.aggregators)) * sigma(given, release) if release is not None else 0.0
    spread = (noise + members) * (math.sqrt(total.size) + LARGEST_DEVIATION)
    largest = math.ceil(members * given.clip * 2.0**given.bits + spread)
    words: list[int] = total.tolist()
    return max(map(abs, words), default=0) <= largest and sum(word * word for word in words) <= largest**2
