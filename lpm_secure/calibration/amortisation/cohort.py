"""How embeddings and their gradients leave hospitals: in fixed point, as shares, opened as sums over the cohort."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt

from client_sdk.amortisation.learner import Exercise, Learner
from lpm_secure.secure_sum.federation import Contribution
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import from_ring, to_ring
from protocols.arithmetic.sharing import Additive
from protocols.errors import CohortTooSmall

F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]
BITS: Final = 32  # fraction bits; embeddings lie in (-1, 1), gradients are small


@final
@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """What was released: a sum over the members."""

    value: F64 = field(repr=False)
    members: tuple[str, ...]


class Cohort(abc.ABC):
    """Hospitals that train an encoder together, and answer with sums."""

    @abc.abstractmethod
    def practise(self, exercise: Exercise) -> Total:
        """Return the sum of the hospitals' embeddings of simulated epidemics, float64[M, B E + 1]."""

    @abc.abstractmethod
    def correct(self, round_: int, by_sum: F64) -> Total:
        """Return the sum of the derivatives by the encoder's weights, float64[d]."""

    @abc.abstractmethod
    def tell(self, weights: F64, weeks: int) -> Total:
        """Return the sum of the embeddings of the series that hospitals hold, float64[1, B E + 1]."""


@final
@dataclass(slots=True, eq=False)
class SharedCohort(Cohort):
    """All parties in this process: every vector is split for k aggregators, and only sums are put together.

    Attributes:
        learners: by name.
        clip: L2 norm of a hospital's gradient by the encoder's weights, summed over the epidemics of a round.
        aggregators: k.
        min_cohort: a sum covers at least so many hospitals.
        absent: round to the names of hospitals that do not answer in it; for tests of dropping out.

    Security: up to k - 1 aggregators, with the centre, see sums over at least `min_cohort` hospitals and nothing else.
        No noise is added here: what a sum tells about one hospital is bounded by the others alone.
    """

    learners: Mapping[str, Learner] = field(repr=False)
    clip: float = 10.0
    aggregators: int = 2
    min_cohort: int = 5
    absent: Mapping[int, frozenset[str]] = field(default_factory=dict)
    _opened: int = field(init=False, default=0)  # no two vectors of a hospital are masked by one keystream
    _away: frozenset[str] = field(init=False, default=frozenset())
    _keys: dict[str, tuple[bytes, ...]] = field(init=False, repr=False)
    _sharing: Additive = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw every hospital's keys, and prove that no sum of gradients can wrap."""
        Contribution(self.clip, BITS).prove(len(self.learners))
        self._sharing = Additive(self.aggregators)
        self._keys = {name: self._sharing.keys() for name in self.learners}

    def practise(self, exercise: Exercise) -> Total:
        """Add up embeddings as shares; who is away now is away for the rest of the round."""
        self._away = self.absent.get(exercise.round, frozenset())
        return self._embedded({name: learner.practise(exercise) for name, learner in self._here()})

    def correct(self, round_: int, by_sum: F64) -> Total:
        """Add up clipped gradients as shares."""
        contribution = Contribution(self.clip, BITS)
        return self._open({name: learner.correct(round_, by_sum) for name, learner in self._here()}, contribution)

    def tell(self, weights: F64, weeks: int) -> Total:
        """Add up embeddings as shares."""
        self._away = frozenset()
        return self._embedded({name: learner.tell(weights, weeks) for name, learner in self._here()})

    def _here(self) -> list[tuple[str, Learner]]:
        here = [(name, learner) for name, learner in self.learners.items() if name not in self._away]
        if len(here) < self.min_cohort:
            raise CohortTooSmall(
                f"cannot release a sum of {len(here)} clients: {self.min_cohort} are promised; wait for more"
            )
        return here

    def _embedded(self, embeddings: Mapping[str, F64]) -> Total:
        size = next(iter(embeddings.values())).size
        contribution = Contribution(float(np.sqrt(size)), BITS)  # every entry lies in [-1, 1]: nothing is clipped
        contribution.prove(len(self.learners))
        return self._open(embeddings, contribution)

    def _open(self, vectors: Mapping[str, F64], contribution: Contribution) -> Total:
        shape = next(iter(vectors.values())).shape
        sums = [np.zeros(int(np.prod(shape)), dtype=np.uint64) for _ in range(self.aggregators)]
        for name, vector in vectors.items():
            for total, share in zip(sums, self._shares(name, to_ring(contribution.encode(vector))), strict=True):
                np.add(total, share, out=total)
        self._opened += 1
        opened = contribution.decode(from_ring(self._sharing.join(sums))).reshape(shape)
        return Total(opened, tuple(vectors))

    def _shares(self, name: str, vector: U64) -> list[U64]:
        """Return what each aggregator gets of a hospital's vector."""
        keys = self._keys[name]
        found = [np.zeros_like(vector) for _ in keys]
        for key, share in zip(keys, found, strict=True):
            self._sharing.expand(key, round_number=RoundNumber(self._opened), out=share)
        return [*found, self._sharing.split(vector, keys, round_number=RoundNumber(self._opened))]
