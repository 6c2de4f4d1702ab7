"""Many seeds at once: each thread takes its own, and results come in the order of seeds."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from protocols.errors import ParameterError

T = TypeVar("T")
LARGEST_SEED: Final = 2**63 - 1


def cores() -> int:
    """Return how many threads are worth starting."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(work: Callable[[int], T], seeds: Iterable[int], *, threads: int | None = None) -> Iterator[T]:
    """Yield `work(seed)` for every seed, in order; compiled work runs on all cores.

    Results do not depend on the number of threads.
    """
    count = threads or cores()
    with ThreadPoolExecutor(count) as pool:
        left = iter(seeds)
        waiting = [pool.submit(work, seed) for seed in itertools.islice(left, 2 * count)]
        while waiting:
            yield waiting.pop(0).result()
            waiting.extend(pool.submit(work, seed) for seed in itertools.islice(left, 1))


def check(seeds: range) -> None:
    """Refuse seeds that are none, or too few for a standard error.

    Raises:
        ParameterError: fewer than two, or outside [0, 2**63).
    """
    if len(seeds) < 2 or seeds[0] < 0 or seeds[-1] > LARGEST_SEED:
        raise ParameterError(f"got seeds {seeds}; at least two are needed, each from 0 to 2**63 - 1")
