"""The distribution of risks, for the health authority: a secure sum of one vector for each device.

Each device adds 1 in the bin of its own risk. What they add are shares, summed, noised in full by every aggregator, and
only then opened, once.

Security: the noise is made for one sum, so none is left to find by tests of pools who sends garbage: a sum out of range
    is thrown away. Within the range, which is what all devices together may add, one device can shift the sum unseen.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from client_sdk.secure_sum.contribution import F64, Contribution
from lpm_secure.accounting import smooth_sigma_for
from lpm_secure.analysis.risk.config import RiskConfig
from lpm_secure.secure_sum.parties import build_noisy_releases, manifest_for
from protocols.errors import ConfigError
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import SecureSum

ONE: Final = Contribution(clip=1.0, bits=20)  # a device is in one bin


def distribution(config: RiskConfig, devices: Sequence[str], addresses: Sequence[str]) -> SecureSum:
    """Return the manifest of the distribution; it knows nobody's bin.

    Args:
        devices: names.
        addresses: of the aggregators, and of the dealer where security is active.

    Raises:
        ConfigError: a protocol that suppresses small counts, which would take the noise's place.
    """
    if config.protocol.min_count:
        raise ConfigError("protocol.min_count: the distribution has noise instead; leave it out")
    given, protocol, k = config.distribution, config.protocol, config.protocol.aggregators
    sigma = smooth_sigma_for(given.epsilon, given.delta)
    return manifest_for(
        devices,
        (len(given.edges) + 1,),
        addresses[:k],
        contribution=ONE,
        name=f"{config.name}-distribution",
        rounds=1,
        min_cohort=protocol.min_cohort,
        join_timeout_s=protocol.join_timeout_s,
        round_timeout_s=protocol.round_timeout_s,
        releases=build_noisy_releases(sigma=sigma, rounds=1, epsilon=given.epsilon, delta=given.delta),
        dealer=addresses[k] if config.people.security == "active" else None,
    )


def sigma_of(rule: SumRule) -> float:
    """Return the standard deviation of all aggregators' noise in one number of the distribution."""
    return float(np.sqrt(rule.aggregators) * rule.sigma * 2.0**-rule.bits)


def in_bin(place: int, bins: int) -> F64:
    """Return what a device adds: float64[bins], 1 in its own bin."""
    vector = np.zeros(bins)
    vector[place] = 1.0
    return vector
