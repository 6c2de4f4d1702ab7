"""What the noise of all runs of a fit costs together, and what is left of it for each."""

from typing import Final

import msgspec

from lpm_secure.accounting import Cost, epsilon_of, gaussian_epsilon, smooth_sigma_for
from lpm_secure.config.releases import NoiseConfig
from protocols.arithmetic.counters import FIRST_STEP
from protocols.releases.query import NOISE
from protocols.task.release_plan import ReleasePlan

EPSILONS: Final = ("epsilon", "cells_epsilon", "score_epsilon")


def for_each_run(noise: NoiseConfig, runs: int) -> NoiseConfig:
    """Return the noise of one of so many runs, which together cost what is asked for."""
    given = {name: getattr(noise, name) for name in EPSILONS if getattr(noise, name) is not None}
    each = {
        name: gaussian_epsilon(smooth_sigma_for(epsilon, noise.delta, times=runs), noise.delta)
        for name, epsilon in given.items()
    }
    return msgspec.structs.replace(noise, **each)


def epsilon_of_runs(plan: ReleasePlan, runs: int, delta: float) -> float:
    """Return the epsilon of all releases of so many runs, as their ledgers have them."""
    opened = [each for each in plan.records(FIRST_STEP) if each.mechanism == NOISE]
    return epsilon_of([Cost(each.sigma, each.sensitivity, each.times * runs) for each in opened], delta)
