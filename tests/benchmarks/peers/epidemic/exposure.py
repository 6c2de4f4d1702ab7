"""How exposures on a contact graph are added up: three routes to the same integers.

Pushing changes, an agent adds to its neighbours' exposures when it becomes infectious, and takes that away when it
ends; so a whole epidemic touches each contact of those infected twice, whatever the number of days. Pushing anew, where
contacts change by day, all who are infectious add, from zero. Pulling, every susceptible agent counts its infectious
neighbours in a bit set. Sums of integers modulo a power of two do not depend on their order, so the bits agree.
"""

from typing import Any, Final

from lpm_secure.engine.kernels.csr import I32, Rows
from lpm_secure.engine.kernels.prefetch import prefetch
from lpm_secure.engine.kernels.workers import Span
from protocols.arithmetic.jit import compile_kernel

SUSCEPTIBLE: Final = 0  # the values of tests.epidemics.Stage
INFECTIOUS: Final = 2
AHEAD: Final = 8  # agents whose contacts are asked for before they are needed
PULL_GAIN: Final = 3  # reading one bit costs this many times less than adding to one exposure


@compile_kernel
def push(speakers: I32, rows: Rows, exposure: Any) -> None:
    """Add each speaker's message to its neighbours' exposures; a speaker `~i` takes the message of i away.

    Args:
        speakers: agents, int32.
        rows: the graph.
        exposure: one thread's partial sum, unsigned[n] or int64[n]; it may wrap, the sum over threads does not.
    """
    indptr, indices, weight = rows
    for k in range(speakers.size):
        if k + 2 * AHEAD < speakers.size:  # the row of one agent, and the targets of another, are on their way
            far = speakers[k + 2 * AHEAD]
            prefetch(indices, indptr[far if far >= 0 else ~far])
        if k + AHEAD < speakers.size:
            near = speakers[k + AHEAD]
            near = near if near >= 0 else ~near
            for e in range(indptr[near], indptr[near + 1]):
                prefetch(exposure, indices[e])
        i = speakers[k]
        sign = 1
        if i < 0:
            i, sign = ~i, -1
        if weight.size:
            for e in range(indptr[i], indptr[i + 1]):
                exposure[indices[e]] += sign * weight[e]
        else:
            for e in range(indptr[i], indptr[i + 1]):
                exposure[indices[e]] += sign


@compile_kernel
def pack(span: Span, stage: Any, bits: Any) -> None:
    """Write one bit for each agent, set where it is infectious; ranges begin at multiples of 64."""
    first, end = span
    for i in range(first, end, 8):
        byte = 0
        for k in range(min(8, end - i)):
            byte |= (stage[i + k] == INFECTIOUS) << k
        bits[i >> 3] = byte


@compile_kernel
def pull(span: Span, stage: Any, bits: Any, rows: Rows, exposure: Any) -> None:
    """Set the exposure of every susceptible agent of a range from the bit set; clear the other partial sums.

    Args:
        exposure: all threads' partial sums, [threads, n].
    """
    indptr, indices, weight = rows
    for i in range(span[0], span[1]):
        for part in range(1, exposure.shape[0]):
            exposure[part, i] = 0
        if stage[i] != SUSCEPTIBLE:
            continue
        x = 0
        if weight.size:
            for e in range(indptr[i], indptr[i + 1]):
                j = indices[e]
                x += weight[e] * ((bits[j >> 3] >> (j & 7)) & 1)
        else:
            for e in range(indptr[i], indptr[i + 1]):
                j = indices[e]
                x += (bits[j >> 3] >> (j & 7)) & 1
        exposure[0, i] = x


@compile_kernel
def infectious(span: Span, stage: Any, found: I32) -> Any:
    """Write the infectious agents of a range to `found`, from its first place on; return the place past the last."""
    at = span[0]
    for i in range(span[0], span[1]):
        if stage[i] == INFECTIOUS:
            found[at] = i
            at += 1
    return at
