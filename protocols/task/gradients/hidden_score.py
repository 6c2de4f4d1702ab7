"""Where scores that aggregators add up on shares stand in vectors; see `models.likelihood.factors.integer_score`."""

from typing import Final

from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.factors.integer_score import HAZARD_BITS
from protocols.models.likelihood.factors.level_factors import factors_of

COLUMNS: Final = (
    3  # of each agent and factor: what its client knows of the last step's hazard; if it escaped; or crossed
)


def count_factors(gradient: Gradient | None, mode: str) -> int:
    """Return of how many common factors aggregators add up a score on shares, in a run of this mode."""
    return len(gradient.factors) if mode == "outcome" and gradient is not None else 0


def score_words(gradient: Gradient | None) -> int:
    """Return how many words stand beside the tally: p, and one that tells whether shares of the score fit together."""
    if gradient is None or gradient.way != "score":
        return 0
    return gradient.p + bool(gradient.factors)


def score_bits(gradient: Gradient | None, agents: int) -> int:
    """Return the bits of the largest score that a client of so many agents tells, either way."""
    return 0 if gradient is None else (agents * gradient.clip_word).bit_length()


def column_bits(gradient: Gradient, model: GraphModel) -> list[int]:
    """Return the bits of the further words of a client's own agents: hazards of one step, and two masks of each."""
    factors, rounded = factors_of(model, tuple(gradient.factors)), len(model.contact_channels) + 1
    largest = [factor.coarsening * gradient.largest_hazard * 2**HAZARD_BITS for factor in factors]
    return [*((int(hazard) + rounded).bit_length() for hazard in largest), *(1 for _ in factors * 2)]
