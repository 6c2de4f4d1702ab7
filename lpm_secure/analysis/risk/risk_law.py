"""How risks are spread over the cohort, as its noised distribution tells; what one device may say draws on it.

A device has few worlds, so the share of them with its person as a case is off by chance. Of many people the highest
shares are too high, and the lowest too low. The distribution that the authority got is public and says how far risks
differ: risks follow the conjugate law of binomial counts, whose mean and size make the released counts most likely
under their noise. By Bayes' rule each device then has, of k cases in n worlds, such a law of its own risk, in private.

Security: made of a release alone, so nothing is spent. The authority could publish other counts than it got, and shift
    all numbers that are told: a device holds them against nothing.
Source: empirical Bayes; Robbins (1956), and Efron, Large-scale inference (2010), chapter 1.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, final

import msgspec
import numpy as np
from scipy.special import betaincinv
from scipy.stats import betabinom

from client_sdk.secure_sum.contribution import F64
from lpm_secure.analysis.risk.personal import Personal
from protocols import canonical_json
from protocols.atomic_file import write_atomically

ESTIMATE: Final = "estimate.json"
LEVEL: Final = 0.9
MEANS: Final = 1 / (1 + np.exp(-np.linspace(-7, 3, 81)))  # 0.1 % to 95 %
SIZES: Final = np.exp(np.linspace(np.log(0.5), np.log(500), 41))  # in worlds: a + b of the conjugate law


@final
class RiskEstimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device tells its owner.

    Attributes:
        before, low, high: the risk of who goes on as before, and where it lies with probability `LEVEL`.
        halved: the risk of who halves contacts; below `before`.
        worlds: in which the person begins healthy.

    Security: for the person alone, as what it is made of; its file has mode 0600 and stays in the device's folder.
    """

    before: float
    low: float
    high: float
    halved: float
    worlds: int

    def __repr__(self) -> str:
        """Tell nothing of it."""
        return "RiskEstimate(hidden)"

    def write(self, folder: Path) -> None:
        """Write it for its owner's eyes."""
        write_atomically(folder / ESTIMATE, canonical_json.encode(self))


@final
class RiskLaw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conjugate law of binomial counts, of risks.

    Attributes:
        mean: risk.
        size: a + b; the larger, the less people differ.
    """

    mean: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    size: Annotated[float, msgspec.Meta(gt=0)]

    def estimate(self, own: Personal) -> RiskEstimate:
        """Return what a device tells of its own worlds.

        Of the worlds in which its person is a case, some share are worlds in which the twin is, too: with a uniform
        prior its mean is (twin's + 1) / (person's + 2), which is below 1. Who is ill already has no risk.
        """
        k, n = own.before.cases, own.before.count
        if not n:
            return RiskEstimate(0.0, 0.0, 0.0, 0.0, 0)
        a, b = self.mean * self.size + k, (1 - self.mean) * self.size + n - k
        low, high = betaincinv(a, b, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        before = a / (a + b)
        return RiskEstimate(before, low, high, before * (own.halved.cases + 1) / (k + 2), n)


def fit_risk_law(released: F64, edges: Sequence[float], *, devices: int, worlds: int, sigma: float) -> RiskLaw:
    """Return the law that makes released counts most likely.

    Args:
        released: float64[bins], the counts with their noise.
        edges: of the bins.
        devices: how many took part.
        worlds: of each.
        sigma: standard deviation of the noise in each count.
    """
    cases = np.arange(worlds + 1)
    mean, size = MEANS[:, None, None], SIZES[:, None]
    law = betabinom.pmf(cases, worlds, mean * size, (1 - mean) * size)
    first = np.searchsorted(np.searchsorted(edges, cases / worlds, side="right"), np.arange(released.size))
    share = np.stack([part.sum(axis=-1) for part in np.split(law, first[1:], axis=-1)], axis=-1)
    variance = devices * share * (1 - share) + sigma**2
    fits = (-((released - devices * share) ** 2) / variance - np.log(variance)).sum(axis=-1)
    best = np.unravel_index(int(fits.argmax()), fits.shape)
    return RiskLaw(float(MEANS[best[0]]), float(SIZES[best[1]]))
