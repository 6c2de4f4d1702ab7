"""Which counts are released when small ones must not be: the rule, which the aggregators follow on shares."""

from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models import Stage

OFF: Final = 1  # a min_count up to this one seals nothing


def suppress(cells: I64, tally: I64, *, agents: int, min_count: int) -> tuple[I64, I64]:
    """Return cell totals and tally as they are released, where a sealed count is 0.

    A count below `min_count` is sealed. What is left must not give it away: the stages add up to the agents, and the
    cells to the infectious. So where the sealed stages together are fewer than `min_count`, or as many as they could
    be, the susceptible are sealed as well, or the whole tally if these do not make it `2 * min_count` at least; and
    where the sealed cells are, the whole tally.

    Args:
        cells: int64[cells], infectious agents in each.
        tally: int64[q], agents in each stage.
        agents: of the clients that took part.
        min_count: the least count that is released.
    Security:
        A zero tells that a count is below `min_count`, or that it had to be sealed for another's sake; not that nobody
        is there. Every single release is covered; how releases of one step differ from those of the next is not.
    """
    if min_count <= OFF:
        return cells, tally
    seen = np.where(cells >= min_count, cells, 0)
    told = np.where(tally >= min_count, tally, 0)
    trouble = _tells(tally, agents - told.sum(), min_count)
    beside = _tells(cells, tally[Stage.I] - seen.sum(), min_count)
    enough = told[Stage.S] and agents - told.sum() + told[Stage.S] >= 2 * min_count
    if beside or (trouble and not enough):
        return seen, np.zeros_like(tally)
    if trouble:
        told[Stage.S] = 0
    return seen, told


def _tells(counts: I64, left: np.int64, min_count: int) -> bool:
    """Tell whether what is left for the sealed counts together is small, or as much as they could be."""
    n_sealed = int((counts < min_count).sum())
    return n_sealed > 0 and bool(left < min_count or left >= n_sealed * (min_count - 1))
