"""How embeddings and their gradients leave institutions: in fixed point, as shares, opened as sums over the cohort."""

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, final

import numpy as np

from client_sdk.amortisation.learner import Exercise, Learner
from client_sdk.secure_sum.contribution import F64, Contribution
from client_sdk.secure_sum.fixed_vector import FixedVector
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.parties import NOWHERE, manifest_for

BITS: Final = 32  # fraction bits; embeddings lie in (-1, 1), gradients are small
MOST_ROUNDS: Final = 2**20
Answer = Callable[[], F64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """What was released: a sum over the members."""

    value: F64 = field(repr=False)
    members: tuple[str, ...]


class Cohort(abc.ABC):
    """Institutions that train an encoder together, and answer with sums."""

    @abc.abstractmethod
    def practise(self, exercise: Exercise) -> Total:
        """Return the sum of the institutions' embeddings of simulations, float64[M, B E + 1]."""

    @abc.abstractmethod
    def correct(self, round_: int, by_sum: F64) -> Total:
        """Return the sum of the derivatives by the encoder's weights, float64[d]."""

    @abc.abstractmethod
    def tell(self, weights: F64, periods: int) -> Total:
        """Return the sum of the embeddings of the series that institutions hold, float64[1, B E + 1]."""


@final
@dataclass(slots=True, eq=False)
class SecureCohort(Cohort):
    """Institutions in this process, whose answers are secure sums: one run of sums for each shape of them.

    Attributes:
        learners: by name.
        clip: L2 norm of an institution's gradient by the encoder's weights, summed over the simulations of a round.
        aggregators: k.
        min_cohort: a sum covers at least so many institutions.
        absent: round to the names of institutions that do not answer in it; for tests of dropping out.
        dealer: whether there is one, so that the sums' security is active; who does not answer is then out for good.

    Security: up to k - 1 aggregators, with the centre, see sums over at least `min_cohort` institutions, nothing else.
        No noise is added here: what a sum tells about one institution is bounded by the others alone.
    """

    learners: Mapping[str, Learner] = field(repr=False)
    clip: float = 10.0
    aggregators: int = 2
    min_cohort: int = 5
    absent: Mapping[int, frozenset[str]] = field(default_factory=dict)
    dealer: bool = False
    _away: frozenset[str] = field(init=False, default=frozenset())
    _sums: dict[tuple[int, int, float], InProcessSum] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Prove that no sum of gradients can wrap."""
        self._sums_of(1, self._one.encoder.size, self.clip)

    def practise(self, exercise: Exercise) -> Total:
        """Add up embeddings as shares; who is away now is away for the rest of the round."""
        self._away = self.absent.get(exercise.round, frozenset())
        answers = {name: partial(each.practise, exercise) for name, each in self.learners.items()}
        return self._embedded(answers, exercise.told.size)

    def correct(self, round_: int, by_sum: F64) -> Total:
        """Add up clipped gradients as shares."""
        answers = {name: partial(each.correct, round_, by_sum) for name, each in self.learners.items()}
        total = self._open(answers, self._sums_of(1, self._one.encoder.size, self.clip))
        return Total(total.value[0], total.members)

    def tell(self, weights: F64, periods: int) -> Total:
        """Add up embeddings as shares."""
        self._away = frozenset()
        return self._embedded({name: partial(each.tell, weights, periods) for name, each in self.learners.items()}, 1)

    @property
    def _one(self) -> Learner:
        return next(iter(self.learners.values()))

    def _embedded(self, answers: Mapping[str, Answer], rows: int) -> Total:
        width = self._one.width
        largest = float(np.sqrt(rows * width))  # every entry is in [-1, 1]
        return self._open(answers, self._sums_of(rows, width, largest))

    def _open(self, answers: Mapping[str, Answer], sums: InProcessSum) -> Total:
        """Open one sum of answers, float64[rows, width]."""
        sums.institutions = {name: FixedVector(answer()) for name, answer in answers.items() if name not in self._away}
        shape = sums.manifest.shape
        opened = sums.open(np.zeros(shape))
        return Total(sums.contribution.decode(opened.total).reshape(shape), opened.members)

    def _sums_of(self, rows: int, width: int, clip: float) -> InProcessSum:
        """Return the run of sums for vectors of a shape and norm; no two runs share a key."""
        key = rows, width, clip
        if key not in self._sums:
            names = tuple(self.learners)
            manifest = manifest_for(
                names,
                (rows, width),
                [NOWHERE] * self.aggregators,
                contribution=Contribution(clip, BITS),
                rounds=MOST_ROUNDS,
                min_cohort=self.min_cohort,
                dealer=NOWHERE if self.dealer else None,
            )
            self._sums[key] = InProcessSum(manifest, {})
        return self._sums[key]
