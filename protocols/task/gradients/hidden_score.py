"""The score of a common factor of all hazards, in integers, so that aggregators can add it up on shares.

In a step of hazard x an agent that escapes adds -x, and one that is infected x exp(-x) / (1 - exp(-x)) = x / (e^x - 1).
That is 1 - x/2 + x^2/12 - x^4/720 + ..., a series with alternating signs for x < 2 pi, of which three terms are kept:
the error of each infection's score is at most x^4/720, 0.0014 at a hazard of 1 in one step. With z = 2^g x whole,

    12 2^2g (1 - x/2 + x^2/12) = 12 2^2g - 6 2^g z + z^2,     -12 2^2g x = -12 2^g z,

so nothing is truncated: masks and hazards are multiplied as they are, and the total is divided after it is opened.

Source: the series is the generating function of the Bernoulli numbers (Abramowitz and Stegun 1964, 23.1.1).
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from protocols.arithmetic.fixed_point import I64, prove_no_wrap
from protocols.errors import ParameterError
from protocols.models.seir.parameters import LARGEST_DRAW

if TYPE_CHECKING:
    from protocols.task.manifest import Manifest

SCALE: Final = "scale"
HAZARD_BITS: Final = 14  # g
HALF: Final = 6 << HAZARD_BITS
UNIT: Final = 12 << 2 * HAZARD_BITS  # what a score of 1 is
COLUMNS: Final = 2  # further words of each agent: what its client knows of the last step's hazard, and its mask


def is_hidden(manifest: "Manifest") -> bool:
    """Tell whether aggregators add up a score on shares."""
    given = manifest.gradient
    return manifest.mode == "outcome" and given is not None and given.way == "score" and SCALE in given.parameters


def score_words(manifest: "Manifest") -> int:
    """Return how many words stand beside the tally: p, and one that tells whether shares of the score fit together."""
    given = manifest.gradient
    if given is None or given.way != "score":
        return 0
    return given.p + (SCALE in given.parameters)


def score_bits(manifest: "Manifest", agents: int) -> int:
    """Return the bits of the largest score that a client of so many agents tells, either way."""
    given = manifest.gradient
    return 0 if given is None else (agents * round(given.clip * 2.0**given.tangent_bits)).bit_length()


def column_bits(manifest: "Manifest") -> tuple[int, int]:
    """Return the bits of the two further words of a client's own agents: a hazard of one step, and a mask."""
    given = manifest.gradient
    largest = 0.0 if given is None else given.largest_hazard
    return (int(largest * 2**HAZARD_BITS) + len(manifest.channels) + 1).bit_length(), 1


def coarse(hazard: I64, f: int) -> I64:
    """Return hazards of `f` fraction bits with `HAZARD_BITS` of them, rounded."""
    if f <= HAZARD_BITS:
        return hazard << (HAZARD_BITS - f)
    return (hazard + (1 << (f - HAZARD_BITS - 1))) >> (f - HAZARD_BITS)


def coarse_beta(manifest: "Manifest") -> I64:
    """Return each channel's hazard per unit of exposure with `HAZARD_BITS` fraction bits, int64[c]."""
    return coarse(np.array(manifest.model.beta, dtype=np.int64), manifest.model.f)


def coarsening(manifest: "Manifest") -> float:
    """Return by which factor, at most, rounding makes a hazard larger; at least 1."""
    unit = float(2.0 ** (HAZARD_BITS - manifest.model.f))
    pairs = zip(coarse_beta(manifest).tolist(), manifest.model.beta, strict=True)
    return max([1.0, *(float(rounded) / (fine * unit) for rounded, fine in pairs if fine)])


def terms(z: I64, escaped: I64, infected: I64) -> I64:
    """Return int64[n], the score of one step in the clear, in units of 1 / UNIT.

    Args:
        z: int64[n], hazards with `HAZARD_BITS` fraction bits.
        escaped, infected: int64[n] of 0 and 1.
    """
    return infected * (UNIT - HALF * z + z * z) - 2 * HALF * escaped * z


def check_hidden(manifest: "Manifest") -> None:
    """Refuse a run in which the score of all agents could wrap.

    An agent escapes as long as its hazard stays below its threshold, so all its hazards in which it escapes add up to
    37 at most; that in which it is infected is at most `largest_hazard`, which every client checks for its agents. Both
    may be larger by `coarsening`, and by what is rounded in each step.

    Raises:
        WouldWrap: the bound reaches 2**63.
        ParameterError: a beta would round to zero.
    """
    if manifest.gradient is None:
        return
    n, largest = sum(len(client.agents) for client in manifest.clients), manifest.gradient.largest_hazard
    rounded, largest = manifest.steps * 2.0**-HAZARD_BITS, coarsening(manifest) * largest + 2.0**-HAZARD_BITS
    escaped = coarsening(manifest) * LARGEST_DRAW + rounded
    prove_no_wrap({"the score of all agents": n * round(UNIT * (escaped + 1 + largest + largest**2))})
    if any(beta and not fixed for beta, fixed in zip(manifest.model.beta, coarse_beta(manifest), strict=True)):
        raise ParameterError(
            f"a beta is below 2**-{HAZARD_BITS + 1}, where its score would be lost in outcome mode; use a coarser unit "
            "of contacts, or sum mode"
        )
