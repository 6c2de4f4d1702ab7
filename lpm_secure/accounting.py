"""What releases cost in privacy: budgets to sigmas, and sigmas to budgets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, final

from protocols.errors import ParameterError

if TYPE_CHECKING:
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

FINE: Final = 256.0  # from this sigma on, in units of the noise's lattice, the law counts as the continuous one
DIGITS: Final = 3  # of a sigma
WIDEST: Final = 2.0**40


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """One release of noised numbers, as an accountant sees it.

    Attributes:
        sigma: of the discrete Gaussian.
        sensitivity: by how much one unit of privacy changes each number that it changes.
        times: how many numbers it changes, at most.
    """

    sigma: float
    sensitivity: float = 1
    times: int = 1

    def __post_init__(self) -> None:
        """Check every value."""
        if not (self.sigma > 0 and self.sensitivity > 0 and self.times >= 1):
            raise ParameterError(f"got {self}: sigma and sensitivity are above 0, and times is at least 1")

    @property
    def multiplier(self) -> float:
        """Return sigma over the Euclidean norm of the change."""
        return self.sigma / (self.sensitivity * math.sqrt(self.times))


def gaussian_epsilon(multiplier: float, delta: float) -> float:
    """Return epsilon of the continuous Gaussian, in closed form.

    Source: Balle, Wang 2018 (arXiv 1805.06530), Eq. 6.
    """
    import dp_accounting  # noqa: PLC0415 (seconds to load, and few commands count)

    return float(dp_accounting.get_epsilon_gaussian(multiplier, delta))


@lru_cache(maxsize=1024)
def _loss(cost: Cost) -> "PrivacyLossDistribution":
    from dp_accounting.pld import privacy_loss_distribution as pld  # noqa: PLC0415 (as above)

    if cost.sigma >= FINE or cost.sensitivity != int(cost.sensitivity):
        return pld.from_gaussian_mechanism(cost.multiplier)
    one = pld.from_discrete_gaussian_mechanism(cost.sigma, sensitivity=int(cost.sensitivity))
    return one.self_compose(cost.times) if cost.times > 1 else one


def epsilon_of(releases: Sequence[Cost], delta: float) -> float:
    """Return epsilon at `delta` of all releases together, never too low; 0 of none.

    The discrete law is composed number by number, by privacy loss distributions. A sensitivity that is no integer, or a
    sigma of FINE or more, is taken as the continuous Gaussian's, which differs by less than what is rounded up here.
    """
    if not 0 < delta < 1:
        raise ParameterError(f"got delta {delta}; it must lie between 0 and 1, well below 1 over the number of agents")
    if not releases:
        return 0.0
    total = _loss(releases[0])
    for each in releases[1:]:
        total = total.compose(_loss(each))
    return float(total.get_epsilon_for_delta(delta))


@lru_cache(maxsize=1024)
def sigma_for(epsilon: float, delta: float, sensitivity: float = 1, *, times: int = 1) -> float:
    """Return the smallest sigma, to DIGITS digits after the point, whose release costs at most `epsilon`.

    Raises:
        ParameterError: an epsilon that is not above 0, or so small that no sigma below WIDEST does.
    """
    if not epsilon > 0:
        raise ParameterError(f"got epsilon {epsilon}; it must be above 0")
    unit = 10**DIGITS
    high = max(math.ceil(_continuous(epsilon, delta) * sensitivity * math.sqrt(times) * unit), 1)

    def enough(sigma: int) -> bool:
        return sigma > 0 and epsilon_of([Cost(sigma / unit, sensitivity, times)], delta) <= epsilon

    width = 1
    while high > WIDEST or not enough(high):  # both ends are looked for from where the continuous law would have it
        if high > WIDEST:
            raise ParameterError(f"no sigma below {WIDEST / unit:.3g} gives epsilon {epsilon}; allow more")
        high, width = high + width, 2 * width
    while enough(low := max(high - width, 0)):
        high, width = low, 2 * width
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high / unit


def _continuous(epsilon: float, delta: float) -> float:
    """Return about which multiplier of the continuous Gaussian costs so much, to one part in 10^4."""
    low, high = 0.0, 1.0
    while gaussian_epsilon(high, delta) > epsilon:
        low, high = high, 2 * high
        if high > WIDEST:
            return WIDEST
    while high - low > high * 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if gaussian_epsilon(middle, delta) <= epsilon else (middle, high)
    return high
