"""Whole people from shares of people, with totals kept."""

from typing import Final

import numpy as np

from client_sdk.private.table import F64
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError

ROUNDS: Final = 30


def largest_remainder(weights: F64 | I64, total: int) -> I64:
    """Divide a total in proportion to weights: int64, each less than 1 from its share (Hamilton's method).

    Raises:
        ParameterError: a total below 0, or weights that are all 0 for a total that is not.
    """
    weights = np.asarray(weights, dtype=np.float64)
    mass = weights.sum()
    if total < 0 or (total > 0 and not mass > 0):
        raise ParameterError(f"cannot divide {total} by weights that add up to {mass:g}; both must be above 0")
    if total == 0:
        return np.zeros(weights.shape, dtype=np.int64)
    share = weights * (total / mass)
    found = np.floor(share).astype(np.int64)
    rest = total - int(found.sum())
    order = np.argsort(-(share - found), kind="stable")
    found[order[:rest]] += 1
    return np.asarray(found)


def fit_margins(seed: F64, rows: I64, columns: I64) -> F64:
    """Scale a table until its rows and columns have given totals (iterative proportional fitting).

    Totals of columns are exact at the end, of rows nearly.

    Args:
        seed: float64[r, c], above 0 wherever both totals are.
        rows: int64[r].
        columns: int64[c], of the same sum.
    """
    table = np.array(seed, dtype=np.float64)
    for _ in range(ROUNDS):
        table *= _ratio(rows, table.sum(axis=1))[:, None]
        table *= _ratio(columns, table.sum(axis=0))[None, :]
    return table


def whole(table: F64, rows: I64, columns: I64) -> I64:
    """Round a table so that all totals of rows and columns are exact: int64[r, c].

    Row by row each takes its share of what its column still has to give, so that what one row is rounded by comes
    back in the next.

    Args:
        table: float64[r, c], about what is wanted.
        rows: int64[r].
        columns: int64[c], of the same sum.
    """
    left = np.array(columns, dtype=np.int64)
    below = np.cumsum(table[::-1], axis=0)[::-1]
    found = np.zeros(table.shape, dtype=np.int64)
    for index, total in enumerate(rows):
        share = left * _ratio(table[index], below[index]) if index + 1 < len(rows) else left.astype(np.float64)
        taken = np.minimum(np.floor(share), left).astype(np.int64)
        rest = int(total) - int(taken.sum())
        while rest:
            step = 1 if rest > 0 else -1
            open_ = np.flatnonzero(taken < left) if rest > 0 else np.flatnonzero(taken > 0)
            order = open_[np.argsort(-step * (share - taken)[open_], kind="stable")][: abs(rest)]
            taken[order] += step
            rest -= step * order.size
        found[index] = taken
        left -= taken
    return found


def _ratio(above: F64 | I64, below: F64) -> F64:
    return np.divide(above, below, out=np.zeros(below.shape), where=below > 0)
