"""The discrete Gaussian, by inversion of AES-256-CTR words.

A table holds the law up to TABLE_SIGMA. A wider one is a sum of such: if `s1 s2 / sigma >= SMOOTH` with
`sigma**2 = s1**2 + (a s2)**2`, then `x1 + a x2` has the law of sigma up to a factor 1 +- 2 exp(-2 pi**2 SMOOTH**2).
"""

import math
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import Stream
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.sharing.additive import KEY_BYTES, keystream
from protocols.errors import ParameterError
from protocols.releases.mechanism.table import thresholds

TABLE_SIGMA: Final = 256.0
STRIDE: Final = 64  # a
SMOOTH: Final = 2.0
MIN_SIGMA: Final = 0.1
MAX_SIGMA: Final = 2.0**56
FIRST_STREAM: Final = Stream(0)
BLOCK: Final = 2**16  # samples at a time: the words stay in the cache


@lru_cache(maxsize=64)
def _table(sigma: float) -> tuple[U64, I64]:
    return thresholds(sigma)


def _parts(sigma: float) -> tuple[tuple[int, float], ...]:
    """Return (factor, sigma) of each table whose samples add up to the law of `sigma`."""
    parts, factor = [], 1
    while sigma > TABLE_SIGMA:
        first = min(sigma / math.sqrt(2), TABLE_SIGMA)
        parts.append((factor, first))
        sigma = math.sqrt(sigma**2 - first**2) / STRIDE
        factor *= STRIDE
    return (*parts, (factor, sigma))


@final
@dataclass(frozen=True, slots=True)
class DiscreteGaussian:
    """Integers x with probability proportional to exp(-x**2 / (2 sigma**2)).

    Raises:
        ParameterError: sigma out of its bounds.
    Security: samples come from AES-256-CTR under a key of the system's randomness, never from a simulation's generator.
        The time that a table is searched depends a little on the samples.
    Source: the law of Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), Definition 1.
    """

    sigma: float
    _split: tuple[tuple[int, float], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check sigma."""
        if not MIN_SIGMA <= self.sigma <= MAX_SIGMA:  # not-a-number fails too
            raise ParameterError(
                f"got sigma {self.sigma}: noise needs {MIN_SIGMA} to {MAX_SIGMA:.3g}; change the budget"
            )
        object.__setattr__(self, "_split", _parts(self.sigma))

    def sample(self, d: int) -> I64:
        """Draw int64[d] from the system's randomness."""
        return self.from_key(os.urandom(KEY_BYTES), d)

    def from_key(self, key: bytes, d: int, *, stream: Stream = FIRST_STREAM) -> I64:
        """Return the int64[d] that a key of 32 bytes and a stream's number stand for: the same whenever asked.

        Security: whoever has the key can take the noise away again. One key and stream for one release, ever.
        """
        out = np.zeros(d, dtype=np.int64)
        words = np.zeros(d * len(self._split), dtype=np.uint64)
        keystream(key, nonce=stream, out=words)
        for index, (factor, sigma) in enumerate(self._split):
            cuts, values = _table(sigma)
            for start in range(0, d, BLOCK):
                part = out[start : start + BLOCK]
                used = words[index * d + start : index * d + start + part.size]
                part += factor * values[np.searchsorted(cuts, used, side="right")]
        return out
