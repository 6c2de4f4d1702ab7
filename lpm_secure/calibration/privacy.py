"""Noise in what a fit opens, and what the fit has cost an institution so far.

The unit is all that one institution contributes: zeros in place of its gradients change every opened sum by at most
`clip` in the Euclidean norm. So a fit with its counts is held against one in which they say nothing; other counts in
their place can change a sum by twice as much, for which the noise is worth half its sigma. Who takes part is public.
Each aggregator adds the full noise, so that one that lies about its own takes nothing from the promise.
"""

import math
from typing import Any, Final

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.accounting import gaussian_epsilon
from protocols.task.secure_sum.spec import reach

RESERVE: Final = 20  # openings beyond the rounds, to find who sends garbage


def ledger(
    contribution: Contribution, *, sigma: float | None, openings: int, planned: int, delta: float, d: int
) -> dict[str, Any]:
    """Return what a fit has released, and what that costs, as plain values; epsilon is None without noise.

    Args:
        sigma: of the noise in a sum, in units of the norm that one institution can add; None without noise.
        openings: sums that were opened; planned: those that the noise was made for.
        d: numbers in a sum.
    """
    one = reach(contribution.clip, contribution.bits, d)
    return {
        "release": f"a sum of gradients, {d} numbers, over the institutions of a round",
        "unit": "all that one institution contributes to the fit",
        "mechanism": "none" if sigma is None else "discrete Gaussian, in full from each aggregator",
        "clip": contribution.clip,
        "noise_sd": None if sigma is None else sigma * one * 2.0**-contribution.bits,
        "openings": openings,
        "openings_planned": planned,
        "delta": delta,
        "epsilon": None if sigma is None else gaussian_epsilon(sigma / math.sqrt(max(openings, 1)), delta),
    }
