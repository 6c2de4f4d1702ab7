"""How often a test that draws its inputs repeats: a third as often by default as in `make test-all`."""

import os

ALL = "LPM_REPETITIONS"  # of the environment: `all` in `make test-all`


def repetitions(count):
    """Return how many of `count` examples or seeds are looked at now: all, or a third of them, at least one."""
    return count if os.environ.get(ALL) == "all" else max(1, count // 3)
