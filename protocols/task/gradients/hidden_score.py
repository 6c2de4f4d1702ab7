"""Where a score that aggregators add up on shares stands in vectors; its mathematics is `models.seir.integer_score`."""

from typing import Final

from protocols.models.gradient import Gradient
from protocols.models.seir.integer_score import HAZARD_BITS, SCALE

COLUMNS: Final = 2  # further words of each agent: what its client knows of the last step's hazard, and its mask


def is_hidden(gradient: Gradient | None, mode: str) -> bool:
    """Tell whether aggregators add up a score on shares, in a run of this mode."""
    return mode == "outcome" and gradient is not None and gradient.way == "score" and SCALE in gradient.parameters


def score_words(gradient: Gradient | None) -> int:
    """Return how many words stand beside the tally: p, and one that tells whether shares of the score fit together."""
    if gradient is None or gradient.way != "score":
        return 0
    return gradient.p + (SCALE in gradient.parameters)


def score_bits(gradient: Gradient | None, agents: int) -> int:
    """Return the bits of the largest score that a client of so many agents tells, either way."""
    return 0 if gradient is None else (agents * gradient.clip_word).bit_length()


def column_bits(gradient: Gradient | None, channels: int) -> tuple[int, int]:
    """Return the bits of the two further words of a client's own agents: a hazard of one step, and a mask."""
    largest = 0.0 if gradient is None else gradient.largest_hazard
    return (int(largest * 2**HAZARD_BITS) + channels + 1).bit_length(), 1
