"""Threads that share the agents among them by range."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, final

from protocols.errors import ParameterError

Span = tuple[int, int]  # first agent of a range, and the one past its last

ALIGN = 64  # ranges begin at multiples of it, so that no two threads write one word of a bit set


@final
class Workers:
    """A fixed number of threads, each with its range of agents.

    Attributes:
        ranges: first agent of each thread and the one past its last.

    Results never depend on the number of threads: threads write to disjoint ranges, or each to its own partial sum of
    integers, and sums of integers do not depend on their order.
    """

    __slots__ = ("_pool", "ranges")

    def __init__(self, n: int, threads: int) -> None:
        """Split n agents among so many threads.

        Raises:
            ParameterError: fewer than one thread.
        """
        if threads < 1:
            raise ParameterError(f"got {threads} threads; at least 1 is needed")
        cuts = [min(n, round(n * part / threads / ALIGN) * ALIGN) for part in range(threads)] + [n]
        self.ranges = list(itertools.pairwise(cuts))
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def __len__(self) -> int:
        """Return the number of threads."""
        return len(self.ranges)

    def each(self, function: Callable[[int, Span], Any]) -> list[Any]:
        """Call `function(thread, range)` on every thread, and return the results in order."""
        if self._pool is None:
            return [function(thread, span) for thread, span in enumerate(self.ranges)]
        return list(self._pool.map(function, range(len(self.ranges)), self.ranges))
