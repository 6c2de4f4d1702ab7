"""Cells couple private and synthetic agents through public totals."""

import numpy as np

from protocols.arithmetic.fixed_point import I64


def cell_totals(says: I64, cell: I64, *, cells: int) -> I64:
    """Add up what agents say in each cell.

    Args:
        says: int64[n], each agent's message to its cell.
        cell: int64[n], the cell of each agent.
        cells: how many there are.

    Returns:
        int64[cells].
    """
    totals = np.zeros(cells, dtype=np.int64)
    np.add.at(totals, cell, says)
    return totals


def pressure(totals: I64, sizes: I64, factor: int) -> I64:
    """Return the hazard of one step in each cell, `floor(factor * total / size)`, int64[cells], in its fixed point.

    Totals, sizes and factor are public integers, so every party computes the same bits. A total out of
    [0, size] counts as the nearest bound: whatever a party that cheats says, the hazard lies in [0, factor] per step.
    Where nobody mixes there is no hazard.
    """
    capped = zip(np.clip(totals, 0, sizes).tolist(), sizes.tolist(), strict=True)
    return np.array([factor * total // size if size else 0 for total, size in capped], dtype=np.int64)
