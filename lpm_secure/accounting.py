"""What releases cost in privacy: budgets to sigmas, and sigmas to budgets."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, final

import numpy as np

from protocols.arithmetic.distributions import F64
from protocols.errors import ParameterError

if TYPE_CHECKING:
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

FINE: Final = 256.0  # from this sigma of all numbers' noise on, the law counts as continuous: a delta is right to 1e-4
SMOOTH_SUM: Final = 2.0  # from this sigma on, sums of discrete Gaussians are discrete Gaussians to the last bit
REACH: Final = 11.6  # sigmas, beyond which the noise lies with a probability of 1e-30
DIGITS: Final = 3  # of a sigma
SMOOTH: Final = 0.5  # a sensitivity that is no integer counts as the continuous Gaussian
ROUNDED: Final = 1e-3
WIDEST: Final = 2.0**40
NARROW: Final = 20.0  # sigmas: of a larger change dp_accounting counts no overlap, raises, or fills the memory
CLOSE: Final = 1e-12  # relative, and absolute, width at the end of a bisection


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

    @property
    def is_continuous(self) -> bool:
        """Return whether the law counts as the continuous Gaussian: wide noise, or a sensitivity that is no integer."""
        wide = self.sigma >= SMOOTH_SUM and self.sigma * math.sqrt(self.times) >= FINE
        return wide or self.sensitivity != int(self.sensitivity)

    def delta(self, epsilon: float) -> float:
        """Return the smallest delta at which the release costs this epsilon, by the law itself.

        The privacy loss of all numbers together is linear in the sum of their noise.

        Source: Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), Theorem 7, of `times` numbers.
        """
        if self.is_continuous:
            return gaussian_delta(self.multiplier, epsilon)
        pmf = _sum_of_noise(self.sigma, self.times)
        total = np.arange(pmf.size) - pmf.size // 2
        loss = self.sensitivity * (total + self.times * self.sensitivity / 2) / self.sigma**2
        return float(pmf @ -np.expm1(np.minimum(epsilon - loss, 0.0)))


@lru_cache(maxsize=8)
def _sum_of_noise(sigma: float, times: int) -> F64:
    """Return the law of the sum of so many discrete Gaussians, float64[2 w + 1] from -w to w, without its far tails."""
    if sigma >= SMOOTH_SUM or times == 1:
        sigma *= math.sqrt(times)
        width = math.ceil(REACH * sigma)
        weights = np.exp(-((np.arange(-width, width + 1) / sigma) ** 2) / 2)
        law: F64 = weights / weights.sum()
        return law
    half = _sum_of_noise(sigma, times // 2)
    pmf: F64 = np.convolve(half, half)
    if times % 2:
        pmf = np.convolve(pmf, _sum_of_noise(sigma, 1))
    beyond = max(pmf.size // 2 - math.ceil(REACH * sigma * math.sqrt(times)), 0)
    return pmf[beyond : pmf.size - beyond]


def gaussian_delta(multiplier: float, epsilon: float) -> float:
    """Return the smallest delta at which the continuous Gaussian costs this epsilon.

    Source: Balle, Wang 2018 (arXiv 1805.06530), Eq. 6.
    """
    from scipy.special import erfcx  # noqa: PLC0415 - few commands count

    near = (epsilon * multiplier - 0.5 / multiplier) / math.sqrt(2)
    far = (epsilon * multiplier + 0.5 / multiplier) / math.sqrt(2)
    return (math.erfc(near) - math.exp(-near * near) * float(erfcx(far))) / 2


def gaussian_epsilon(multiplier: float, delta: float) -> float:
    """Return epsilon of the continuous Gaussian at `delta`."""
    return _least(lambda epsilon: gaussian_delta(multiplier, epsilon) <= delta)


@lru_cache(maxsize=1024)
def _loss(cost: Cost) -> "PrivacyLossDistribution":
    from dp_accounting.pld import privacy_loss_distribution as pld  # noqa: PLC0415 (seconds to load, for few commands)

    if cost.is_continuous:
        return pld.from_gaussian_mechanism(cost.multiplier)
    one = pld.from_discrete_gaussian_mechanism(cost.sigma, sensitivity=int(cost.sensitivity), use_connect_dots=True)
    return one.self_compose(cost.times) if cost.times > 1 else one


def epsilon_of(releases: Sequence[Cost], delta: float) -> float:
    """Return epsilon at `delta` of all releases together, rounded up by less than ROUNDED of it; 0 of none.

    By the privacy loss distributions of `dp_accounting`, and not by what `sigma_for` counts with: an audit that finds
    the same has it from somebody else.
    """
    _check_delta(delta)
    if not releases:
        return 0.0
    if any(NARROW * each.multiplier < 1 for each in releases):
        return math.inf
    total = _loss(releases[0])
    for each in releases[1:]:
        total = total.compose(_loss(each))
    return float(total.get_epsilon_for_delta(delta))


@lru_cache(maxsize=1024)
def sigma_for(epsilon: float, delta: float, sensitivity: float = 1, *, times: int = 1) -> float:
    """Return the smallest sigma, to DIGITS digits after the point, whose release costs at most `epsilon`.

    Raises:
        ParameterError: a delta or an epsilon out of its range, or an epsilon too small for any sigma below WIDEST.
    """
    if not epsilon > 0:
        raise ParameterError(f"got epsilon {epsilon}; it must be above 0")
    _check_delta(delta)

    def enough(sigma: float) -> bool:
        return sigma > 0 and Cost(sigma, sensitivity, times).delta(epsilon) <= delta

    if math.isinf(least := _least(enough)):
        raise ParameterError(f"no noise gives epsilon {epsilon:g} at delta {delta:g}; allow more")
    thousandths = math.ceil(least * 10**DIGITS)
    while not enough(thousandths / 10**DIGITS):  # on a lattice a little more noise may cost a little more
        thousandths += 1
    return thousandths / 10**DIGITS


def smooth_sigma_for(epsilon: float, delta: float, *, times: int = 1) -> float:
    """Return the smallest sigma, in units of the sensitivity, of noise whose lattice is much finer than that."""
    return sigma_for(epsilon, delta, SMOOTH, times=times) / SMOOTH


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise ParameterError(f"got delta {delta}; it must lie between 0 and 1, well below 1 over the number of agents")


def _least(holds: Callable[[float], bool]) -> float:
    """Return the least number above 0 that `holds`, as all above it do, to one part in 10^12; infinity of none."""
    low, high = 0.0, 1.0
    while not holds(high):
        if high > WIDEST:
            return math.inf
        low, high = high, 2 * high
    while high - low > CLOSE * (1 + high):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
