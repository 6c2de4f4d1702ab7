"""How gradients leave hospitals: clipped, in fixed point, as shares, and opened as one sum over the cohort."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, final

import numpy as np
import numpy.typing as npt

from client_sdk.vector_contribution import Contribution as Contribution  # noqa: PLC0414 - is offered here
from client_sdk.vector_hospital import Hospital, clipped
from protocols.errors import CohortTooSmall, ParameterError
from protocols.fixed import I64, from_ring, to_ring
from protocols.sharing import Additive

F64 = npt.NDArray[np.float64]


class Noise(Protocol):
    """Integer noise that an aggregator adds to its share before a sum is opened."""

    def sample(self, d: int) -> I64:
        """Return int64[d], from the system's randomness."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """What a round released.

    Attributes:
        gradient: float64[S, B, W], summed over the members.
        members: who took part.
        refused: whose contributions were left out, because a sum with them was out of range.
    """

    gradient: F64 = field(repr=False)
    members: tuple[str, ...]
    refused: tuple[str, ...] = ()


class Federation(abc.ABC):
    """Answers published draws with a sum over hospitals."""

    @abc.abstractmethod
    def gradient(self, log_inpatients: F64) -> Summed:
        """Return the sum of the hospitals' gradients at published draws, float64[S, B, W]."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Pooled(Federation):
    """The oracle: all data in one place, sums in floating point, no protection."""

    hospitals: dict[str, Hospital] = field(repr=False)
    contribution: Contribution = field(default_factory=Contribution)

    def gradient(self, log_inpatients: F64) -> Summed:
        """Add up gradients in the clear."""
        total = np.zeros(log_inpatients.shape)
        for hospital in self.hospitals.values():
            total += clipped(hospital.answer(log_inpatients)[0], self.contribution.clip)
        return Summed(total, tuple(self.hospitals))


@final
@dataclass(slots=True, eq=False)
class Shared(Federation):
    """All parties in this process: every gradient is split for k aggregators, and only sums are put together.

    Attributes:
        hospitals: by name.
        contribution: what each may add.
        aggregators: k.
        min_cohort: a sum covers at least so many hospitals.
        noise: what each aggregator adds in full to its share; none without a promise of privacy.
        absent: round to the names of hospitals that do not answer in it; for tests of dropping out.
    """

    hospitals: dict[str, Hospital] = field(repr=False)
    contribution: Contribution = field(default_factory=Contribution)
    aggregators: int = 2
    min_cohort: int = 5
    noise: Sequence[Noise] = ()
    absent: dict[int, frozenset[str]] = field(default_factory=dict)
    round: int = 0
    _keys: dict[str, tuple[bytes, ...]] = field(init=False, repr=False)
    _sharing: Additive = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw every hospital's keys, and prove that no sum can wrap."""
        if self.noise and len(self.noise) != self.aggregators:
            raise ParameterError(f"got {len(self.noise)} noises for {self.aggregators} aggregators; give each its own")
        self.contribution.prove(len(self.hospitals))
        self._sharing = Additive(self.aggregators)
        self._keys = {name: self._sharing.keys() for name in self.hospitals}

    def gradient(self, log_inpatients: F64) -> Summed:
        """Let each hospital answer, add up shares, and open the sum."""
        away = self.absent.get(self.round, frozenset())
        members = tuple(name for name in self.hospitals if name not in away)
        if len(members) < self.min_cohort:
            raise CohortTooSmall(
                f"cannot release a sum of {len(members)} clients: {self.min_cohort} are promised; wait for more"
            )
        sums = [np.zeros(log_inpatients.size, dtype=np.uint64) for _ in range(self.aggregators)]
        for name in members:
            gradient, _ = self.hospitals[name].answer(log_inpatients)
            self._share(name, to_ring(self.contribution.encode(gradient)), sums)
        for total, noise in zip(sums, self.noise, strict=False):
            np.add(total, to_ring(noise.sample(total.size)), out=total)
        self.round += 1
        opened = from_ring(self._sharing.join(sums))
        return Summed(self.contribution.decode(opened).reshape(log_inpatients.shape), members)

    def _share(self, name: str, vector: npt.NDArray[np.uint64], sums: list[npt.NDArray[np.uint64]]) -> None:
        """Add a vector's shares to the aggregators' sums."""
        for key, total in zip(self._keys[name], sums, strict=False):
            self._sharing.expand(key, step=self.round, out=total)
        sums[-1] += self._sharing.split(vector, self._keys[name], step=self.round)
