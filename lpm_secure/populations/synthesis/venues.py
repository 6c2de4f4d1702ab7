"""Fill venues with people: sizes are drawn from a heavy-tailed law, and neighbours share a venue."""

from typing import Final

import numpy as np
import numpy.typing as npt

from client_sdk.private.table import F64
from protocols.arithmetic.fixed_point import I64

I32 = npt.NDArray[np.int32]
NONE: Final = -1


def lognormal_sizes(rng: np.random.Generator, people: int, *, mean: float, sigma: float) -> I64:
    """Draw sizes that hold so many people: log-normal, at least 1."""
    count = int(1.5 * people / mean) + 20
    return _cut(np.rint(rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, count)), people)


def pareto_sizes(rng: np.random.Generator, people: int, *, exponent: float, largest: int) -> I64:
    """Draw sizes that hold so many people: `P(size >= s) = s**-exponent`, none above `largest`."""
    found: list[F64] = []
    held = 0
    while held < people:
        drawn = np.minimum(np.floor(rng.random(people // 4 + 20) ** (-1 / exponent)), largest)
        found.append(drawn)
        held += int(drawn.sum())
    return _cut(np.concatenate(found), people)


def fill(who: I64, sizes: I64, first: int, venue: I32) -> None:
    """Put people, in their order, into venues numbered from `first`.

    Args:
        who: int64[people], as many as the sizes hold.
        sizes: int64[venues].
        first: number of the first venue.
        venue: int32[n], written at `who`.
    """
    venue[who] = np.repeat(np.arange(first, first + sizes.size, dtype=np.int32), sizes)


def near(rng: np.random.Generator, who: I64, *, reach: float) -> I64:
    """Return the same people in an order in which each has moved by up to `reach` agents: the way to a venue."""
    order = np.argsort(who + rng.uniform(-reach, reach, who.size), kind="stable")
    return np.asarray(who[order])


def _cut(drawn: F64, people: int) -> I64:
    """Keep the first sizes that hold everybody; the last is cut to fit, or joined to the one before if it is tiny."""
    sizes = np.maximum(drawn, 1).astype(np.int64)
    end = np.cumsum(sizes)
    if people == 0:
        return np.zeros(0, dtype=np.int64)
    if end[-1] < people:
        sizes[-1] += people - end[-1]
        return sizes
    count = int(np.searchsorted(end, people, side="left")) + 1
    sizes = sizes[:count].copy()
    whole = int(sizes[-1])
    sizes[-1] -= int(end[count - 1]) - people
    if count > 1 and sizes[-1] < whole / 4:
        sizes[-2] += sizes[-1]
        sizes = sizes[:-1]
    return sizes
