"""A small network from an institution's features to its embedding, with its derivative by the weights; in numpy."""

import itertools
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.errors import ParameterError

F64 = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """What the way forward leaves for the way back: features, and what each layer returned."""

    features: F64
    first: F64
    second: F64
    embedding: F64


@final
@dataclass(frozen=True, slots=True)
class Encoder:
    """Three layers; every entry of an embedding lies in (-1, 1).

    `a = tanh(x A + b)`, `c = a + tanh(a C + d)`, `embedding = tanh(c E + f)`.

    Attributes:
        features: length of what it reads.
        hidden: width.
        embedding: length of what it returns.
    """

    features: int
    hidden: int
    embedding: int

    @property
    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        f, h, e = self.features, self.hidden, self.embedding
        return (f, h), (h,), (h, h), (h,), (h, e), (e,)

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(int(np.prod(shape)) for shape in self._shapes)

    def begin(self, seed: int) -> F64:
        """Return first weights, float64[size]: normal, of variance 1 / inputs."""
        rng = np.random.Generator(np.random.Philox(seed))
        parts = [
            rng.standard_normal(shape) / np.sqrt(shape[0]) if len(shape) == 2 else np.zeros(shape)
            for shape in self._shapes
        ]
        return np.concatenate([part.reshape(-1) for part in parts])

    def check(self, weights: F64) -> None:
        """Refuse weights of another encoder.

        Raises:
            ParameterError: not `size` finite numbers.
        """
        if weights.shape != (self.size,) or not np.isfinite(weights).all():
            raise ParameterError(f"got weights of shape {weights.shape}; {self.size} finite numbers are needed")

    def embed(self, weights: F64, features: F64) -> Pass:
        """Return the embeddings, float64[M, embedding], of float64[M, features], and what the way back needs."""
        a, b, c, d, e, f = self._parts(weights)
        first = np.tanh(features @ a + b)
        second = np.tanh(first @ c + d)
        return Pass(features, first, second, np.tanh((first + second) @ e + f))

    def back(self, weights: F64, passed: Pass, by_embedding: F64) -> F64:
        """Return the derivative of a loss by the weights, float64[size], from that by the embeddings."""
        _, _, c, _, e, _ = self._parts(weights)
        last = by_embedding * (1.0 - passed.embedding**2)
        by_sum = last @ e.T
        middle = by_sum * (1.0 - passed.second**2)
        begin = (by_sum + middle @ c.T) * (1.0 - passed.first**2)
        layers = (passed.features, begin), (passed.first, middle), (passed.first + passed.second, last)
        return np.concatenate([part for x, by in layers for part in ((x.T @ by).reshape(-1), by.sum(axis=0))])

    def _parts(self, weights: F64) -> list[F64]:
        ends = list(itertools.accumulate(int(np.prod(shape)) for shape in self._shapes))
        return [part.reshape(shape) for part, shape in zip(np.split(weights, ends[:-1]), self._shapes, strict=True)]
