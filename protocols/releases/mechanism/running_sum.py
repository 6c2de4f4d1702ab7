"""Noise for running totals: the matrix mechanism, by the square root of the matrix that adds up.

Running totals are `A x`, where A has ones on and below its diagonal. A = B B, and B is the Toeplitz matrix of the
coefficients of (1 - z)**(-1/2). With C = round(2**GRID B), an integer matrix, `C x + z` is released by the discrete
Gaussian; `A C^-1 (C x + z) = A x + A C^-1 z` follows from it alone, and so does that number rounded to an integer.
Since A x is an integer, the noise to add to the running totals is `round(A C^-1 z)`, computed exactly.
"""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError
from protocols.releases.mechanism.discrete_gaussian import DiscreteGaussian

GRID: Final = 12
MAX_STEPS: Final = 1024


def square_root(steps: int) -> list[int]:
    """Return the first column of C: round(2**GRID f_k) with f_0 = 1 and f_k = f_{k-1} (2k - 1) / (2k)."""
    column, f = [], 1.0
    for k in range(steps):
        column.append(round(f * 2**GRID))
        f *= (2 * k + 1) / (2 * k + 2)
    return column


@final
@dataclass(frozen=True, slots=True)
class RunningNoise:
    """Noise of the running totals of a series to which an agent adds at most one event.

    Attributes:
        sigma: of the noise that protects one event by itself, as for a series of its own.
        steps: length of the series.

    Raises:
        ParameterError: a series that is empty or too long.
    Source: Denisov, McMahan, Rush, Smith, Thakurta 2022 (arXiv 2202.08312); the factor is that of Fichtenberger,
        Henzinger, Upadhyay 2022 (arXiv 2202.11205).
    """

    sigma: float
    steps: int

    def __post_init__(self) -> None:
        """Check the length."""
        if not 1 <= self.steps <= MAX_STEPS:
            raise ParameterError(f"got a series of {self.steps} steps; running totals take 1 to {MAX_STEPS}")

    @property
    def sensitivity(self) -> float:
        """Return by how much one event changes C x, in the Euclidean norm."""
        return math.sqrt(sum(each**2 for each in square_root(self.steps)))

    @property
    def gaussian(self) -> DiscreteGaussian:
        """Return the law of z."""
        return DiscreteGaussian(self.sigma * self.sensitivity)

    def of(self, z: I64) -> I64:
        """Return int64[T], the noise of the running totals, from int64[T] of the law `gaussian`.

        The first t entries depend on the first t of z alone, so that a series can be released as it grows.
        """
        column, total = square_root(self.steps), 0
        scaled: list[int] = []
        noise: list[int] = []
        for t, each in enumerate(z.tolist()):  # v = C^-1 z, kept as v_t 2**(GRID (t + 1)), an integer
            v = each << (GRID * t)
            for k in range(1, t + 1):
                v -= column[k] * scaled[t - k] << (GRID * (k - 1))
            scaled.append(v)
            total = (total << GRID) + v
            bits = GRID * (t + 1)
            noise.append((total + (1 << (bits - 1))) >> bits)
        return np.array(noise, dtype=np.int64)
