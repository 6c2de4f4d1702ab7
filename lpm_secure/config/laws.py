"""From a mean and a standard deviation to the integer law of days that a manifest carries."""

from typing import final

import msgspec
import numpy as np
from scipy import special

from lpm_secure.config.bounds import Days
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ConfigError

MAX_DAYS = 400
TAIL = 1e-6


@final
class Delay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A law of days: a gamma distribution of this mean and standard deviation, cut into whole days from 1 on."""

    mean: Days
    sd: Days


def gamma_of(delay: Delay) -> tuple[float, float]:
    """Return the shape and the scale of a delay's gamma distribution."""
    return (delay.mean / delay.sd) ** 2, delay.sd**2 / delay.mean


def law_of(delay: Delay, *, dt: float) -> tuple[int, ...]:
    """Cut a gamma distribution into steps: `d + 1` steps with weight `law[d]`, weights adding up to 2**32.

    A delay is rounded to whole steps, and lasts at least one.

    Raises:
        ConfigError: the law would be longer than 400 steps, or is so extreme that it has no weights.
    """
    shape, scale = gamma_of(delay)
    longest = int(np.ceil(max(float(special.gammainccinv(shape, TAIL) * scale), dt) / dt))
    if longest > MAX_DAYS:
        raise ConfigError(
            f"a delay of mean {delay.mean:g} and sd {delay.sd:g} days lasts up to {longest} steps; at most 400"
        )
    edges = (np.arange(longest + 1) + 0.5) * dt
    edges[0] = 0.0
    below = special.gammainc(shape, edges / scale)
    if not below[-1] > 0.0:
        raise ConfigError(f"a delay of mean {delay.mean:g} and sd {delay.sd:g} days is too extreme; bring them closer")
    bounds = np.rint(below / below[-1] * LAW_TOTAL).astype(np.int64)
    return tuple(np.diff(bounds).tolist())
