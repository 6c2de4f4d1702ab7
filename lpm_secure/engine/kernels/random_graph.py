"""Contact graphs of any size that are drawn at random, the same for a seed on every machine."""

import numpy as np

from lpm_secure.engine.kernels.csr import Csr, offsets
from protocols.errors import ParameterError


def homogeneous_graph(n: int, *, degree: int, seed: int) -> Csr:
    """Return a graph in which everybody has the same, even degree: a union of random rings.

    Raises:
        ParameterError: the degree is odd or negative, or there are fewer than 3 agents.
    """
    if degree < 0 or degree % 2 or n < 3:
        raise ParameterError(f"got {n} agents of degree {degree}; it takes 3 agents or more and an even degree")
    generator = np.random.Generator(np.random.Philox(key=seed))
    indices = np.empty((n, degree), dtype=np.int32)
    for ring in range(degree // 2):
        order = generator.permutation(n).astype(np.int32)
        indices[order, 2 * ring] = np.roll(order, 1)
        indices[order, 2 * ring + 1] = np.roll(order, -1)
    return Csr(offsets(np.arange(n + 1, dtype=np.int64) * degree, n * degree), indices.reshape(-1))
