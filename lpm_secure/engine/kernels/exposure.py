"""How exposures along contacts are added up: two routes to the same integers.

Pushing, an agent adds the difference of what it says now and what it said before to its contacts' exposures, which are
held from step to step; so whoever speaks for some days touches each of its contacts twice, however many days these are.
Where contacts change by day, all who say something push it, from zero. Pulling, every agent adds up what its contacts
say. Sums of integers modulo a power of two do not depend on their order, so the bits agree.
"""

import enum
from typing import Any, Final, final

from lpm_secure.engine.kernels.csr import I32, Rows
from lpm_secure.engine.kernels.prefetch import prefetch
from lpm_secure.engine.kernels.workers import Span
from protocols.arithmetic.jit import compile_kernel

AHEAD: Final = 8  # agents whose contacts are asked for before they are needed
PULL_GAIN: Final = 3  # reading one message costs this many times less than adding to one exposure


@final
class Traversal(enum.Enum):
    """How to add up exposures. All give the same bits; `AUTO` takes the cheapest in each step."""

    AUTO = "auto"
    PUSH = "push"
    PULL = "pull"


@compile_kernel
def push(moved: I32, shift: Any, rows: Rows, exposure: Any) -> None:
    """Add changes of messages to exposures.

    Args:
        moved: agents that say something else than before, int32.
        shift: by how much each one's message has changed, int[moved].
        rows: the graph.
        exposure: one thread's partial sum, unsigned[n] or int64[n]; it may wrap, the sum over threads does not.
    """
    indptr, indices, weight = rows
    for k in range(moved.size):
        if k + 2 * AHEAD < moved.size:  # the row of one agent, and the targets of another, are on their way
            prefetch(indices, indptr[moved[k + 2 * AHEAD]])
        if k + AHEAD < moved.size:
            near = moved[k + AHEAD]
            for e in range(indptr[near], indptr[near + 1]):
                prefetch(exposure, indices[e])
        i, by = moved[k], shift[k]
        if weight.size:
            for e in range(indptr[i], indptr[i + 1]):
                exposure[indices[e]] += by * weight[e]
        else:
            for e in range(indptr[i], indptr[i + 1]):
                exposure[indices[e]] += by


@compile_kernel
def pull(span: Span, said: Any, rows: Rows, exposure: Any) -> None:
    """Set the exposure of every agent of a range from what its contacts say; clear the other partial sums.

    Args:
        span: the range.
        said: what each agent says.
        rows: the graph; contacts go both ways.
        exposure: all threads' partial sums, [threads, n].
    """
    indptr, indices, weight = rows
    for i in range(span[0], span[1]):
        for part in range(1, exposure.shape[0]):
            exposure[part, i] = 0
        x = 0
        if weight.size:
            for e in range(indptr[i], indptr[i + 1]):
                x += weight[e] * said[indices[e]]
        else:
            for e in range(indptr[i], indptr[i + 1]):
                x += said[indices[e]]
        exposure[0, i] = x


@compile_kernel
def speakers(span: Span, said: Any, moved: I32, shift: Any) -> Any:
    """Write who of a range says something, and what, from its first place on; return the place past the last."""
    at = span[0]
    for i in range(span[0], span[1]):
        if said[i] != 0:
            moved[at], shift[at] = i, said[i]
            at += 1
    return at
