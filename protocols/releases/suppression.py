"""Which counts are released when small ones must not be: cell suppression, which the aggregators follow on shares.

Source: Cox, Suppression methodology and statistical disclosure control (Journal of the American Statistical
    Association 75, 1980): what is left must not give a suppressed count away either.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64

OFF: Final = 1  # a min_count up to this one suppresses nothing
FIRST: Final = 0  # the stage that is suppressed for another's sake


@final
@dataclass(frozen=True, slots=True)
class Suppression:
    """What small counts of a run are, and how they hang together.

    Attributes:
        min_count: the least count that is released.
        speaker: place in the tally of the stage whose agents, and no others, say 1 to their cell: the cells add up to
            it. Of no meaning without cells.
    """

    min_count: int
    speaker: int


def suppress(rule: Suppression, cells: I64, tally: I64, *, agents: int) -> tuple[I64, I64]:
    """Return cell totals and tally as they are released, where a suppressed count is 0.

    A count below `min_count` is suppressed. What is left must not give it away: the stages add up to the agents, and
    the cells to one of the stages. So where the suppressed stages together are fewer than `min_count`, or as many as
    they could be, the first stage is suppressed as well, or the whole tally if this does not make it `2 * min_count`
    at least; and where the suppressed cells are, the whole tally.

    Args:
        rule: of the run.
        cells: int64[cells], agents in each that say 1.
        tally: int64[q], agents in each stage of one field.
        agents: of the clients that took part.

    Security:
        A zero tells that a count is below `min_count`, or that it had to be suppressed for another's sake; not that
        nobody is there. Every single release is covered; how one step's differ from those of the next is not.
    """
    least = rule.min_count
    if least <= OFF:
        return cells, tally
    seen = np.where(cells >= least, cells, 0)
    told = np.where(tally >= least, tally, 0)
    trouble = _tells(tally, agents - told.sum(), least)
    beside = _tells(cells, tally[rule.speaker] - seen.sum(), least)
    enough = told[FIRST] and agents - told.sum() + told[FIRST] >= 2 * least
    if beside or (trouble and not enough):
        return seen, np.zeros_like(tally)
    if trouble:
        told[FIRST] = 0
    return seen, told


def _tells(counts: I64, left: np.int64, min_count: int) -> bool:
    """Tell whether what is left for the suppressed counts together is small, or as much as they could be."""
    suppressed = int((counts < min_count).sum())
    return suppressed > 0 and bool(left < min_count or left >= suppressed * (min_count - 1))
