"""Random contact graphs of any size, the same for a seed on every machine."""

import numpy as np

from lpm_secure.engine.kernels.csr import Csr, offsets
from lpm_secure.engine.kernels.draws import block, key_of
from protocols.arithmetic.jit import compile_kernel

GRAPH = 2**32  # first word of the counter is the block of contacts; the second tells graphs from other draws


@compile_kernel
def _fill(n, contacts, key, cursor, indices):
    """Count ends per agent into `cursor` where `indices` is empty; else write both ends of each contact."""
    half, low, size = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(n)
    for first in range(0, contacts, 4):
        words = block(key, np.uint64(first // 4), np.uint64(GRAPH), np.uint64(0))
        for k in range(min(4, contacts - first)):
            word = words[k]
            a = np.int64((word >> half) * size >> half)
            b = np.int64((word & low) * (size - np.uint64(1)) >> half)
            b += b >= a  # nobody meets itself
            if indices.size:
                indices[cursor[a]] = b
                indices[cursor[b]] = a
            cursor[a] += 1
            cursor[b] += 1


def random_graph(n, *, mean_degree, seed):
    """Return a graph whose contacts are pairs of agents drawn at random, independently of each other.

    Degrees are Poisson in the limit. A pair can be drawn twice and then counts twice, with probability about
    `mean_degree / n`.
    """
    contacts = round(n * mean_degree / 2)
    indptr = offsets(np.zeros(n + 1, dtype=np.int64), 2 * contacts)
    key = key_of((seed, 0))
    _fill(n, contacts, key, indptr[1:], np.zeros(0, dtype=np.int32))
    np.cumsum(indptr, dtype=indptr.dtype, out=indptr)
    indices = np.empty(2 * contacts, dtype=np.int32)
    if contacts:
        # The cursor of agent i begins at indptr[i] and ends at indptr[i + 1]: one array serves as both.
        shifted = np.concatenate([indptr[:1], indptr[:-1]])
        _fill(n, contacts, key, shifted[1:], indices)
        return Csr(shifted, indices)
    return Csr(indptr, indices)
