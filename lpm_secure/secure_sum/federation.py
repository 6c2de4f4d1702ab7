"""How gradients leave hospitals: clipped, in fixed point, as shares, and opened as one sum over the cohort."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

import numpy as np
import numpy.typing as npt

from client_sdk.likelihood.institution import Hospital
from client_sdk.secure_sum.contribution import Contribution as Contribution  # noqa: PLC0414 - is offered here
from lpm_secure.secure_sum.group_search import Search
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring, to_ring
from protocols.arithmetic.sharing import Additive
from protocols.errors import BudgetSpent, CohortTooSmall, ParameterError

F64 = npt.NDArray[np.float64]
LARGEST_DEVIATION: Final = 6.5  # a norm of d normal numbers exceeds sqrt(d) + t with probability exp(-t**2 / 2)


class Noise(Protocol):
    """Integer noise that an aggregator adds to its share before a sum is opened."""

    @property
    def sigma(self) -> float:
        """Standard deviation of a sample."""

    def sample(self, d: int) -> I64:
        """Return int64[d], from the system's randomness."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class FederationSum:
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
    def gradient(self, log_inpatients: F64) -> FederationSum:
        """Return the sum of the hospitals' gradients at published draws, float64[S, B, W]."""

    def leave_out(self, names: tuple[str, ...]) -> None:  # noqa: B027 - where all are trusted there is nobody to ask
        """Ask these no more, which sent garbage before an interruption; aggregators that decide alone find out anew."""


@final
@dataclass(slots=True, eq=False)
class SharedFederation(Federation):
    """All parties in this process: every gradient is split for k aggregators, and only sums are put together.

    Attributes:
        hospitals: by name.
        contribution: what each may add.
        aggregators: k.
        min_cohort: a sum covers at least so many hospitals.
        noise: what each aggregator adds in full to its share; none without a promise of privacy.
        most_openings: sums that may be opened in all, where noise was made for so many; None for any number.
        absent: round to the names of hospitals that do not answer in it; for tests of dropping out.
        cheats: name to what a hospital sends in place of its encoded gradient; for tests of garbage.

    Security: a hospital whose words make a sum's norm larger than its members' clipped gradients can is found by
        `lpm_secure.secure_sum.group_search.Search`, left out and named in every later round. Within that range a
        hospital can shift a sum unseen.
    """

    hospitals: dict[str, Hospital] = field(repr=False)
    contribution: Contribution = field(default_factory=Contribution)
    aggregators: int = 2
    min_cohort: int = 5
    noise: Sequence[Noise] = ()
    most_openings: int | None = None
    absent: dict[int, frozenset[str]] = field(default_factory=dict)
    cheats: dict[str, Callable[[I64], I64]] = field(default_factory=dict, repr=False)
    round: int = 0
    openings: int = field(init=False, default=0)
    refused: tuple[str, ...] = field(init=False, default=())
    _keys: dict[str, tuple[bytes, ...]] = field(init=False, repr=False)
    _sharing: Additive = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw every hospital's keys, and prove that no sum can wrap."""
        if self.noise and len(self.noise) != self.aggregators:
            raise ParameterError(f"got {len(self.noise)} noises for {self.aggregators} aggregators; give each its own")
        self.contribution.prove(len(self.hospitals))
        self._sharing = Additive(self.aggregators)
        self._keys = {name: self._sharing.keys() for name in self.hospitals}

    def gradient(self, log_inpatients: F64) -> FederationSum:
        """Let each hospital answer, add up shares, and open the sum."""
        away = self.absent.get(self.round, frozenset()) | set(self.refused)
        members = tuple(name for name in self.hospitals if name not in away)
        if len(members) < self.min_cohort:
            raise CohortTooSmall(
                f"cannot release a sum of {len(members)} clients: {self.min_cohort} are promised; wait for more"
            )
        held = {name: self._shares(name, self._words(name, log_inpatients)) for name in members}
        total = self._open([held[name] for name in members])
        if total is None:
            search = Search(members, self.min_cohort, lambda group: self._open([held[name] for name in group]))
            total, good = search.run()
            self.refused += tuple(name for name in members if name not in good)
            members = good
        self.round += 1
        return FederationSum(total.reshape(log_inpatients.shape), members, self.refused)

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more."""
        self.refused = names

    def _words(self, name: str, log_inpatients: F64) -> I64:
        """Return what a hospital sends: its clipped gradient, unless it cheats."""
        gradient, _ = self.hospitals[name].answer(log_inpatients)
        words = self.contribution.encode(gradient)
        return self.cheats[name](words) if name in self.cheats else words

    def _shares(self, name: str, words: I64) -> list[U64]:
        """Split what a hospital sends: one vector for each aggregator."""
        shares = [np.zeros(words.size, dtype=np.uint64) for _ in range(self.aggregators)]
        for key, share in zip(self._keys[name], shares, strict=False):
            self._sharing.expand(key, round_number=RoundNumber(self.round), out=share)
        shares[-1] += self._sharing.split(to_ring(words), self._keys[name], round_number=RoundNumber(self.round))
        return shares

    def _open(self, held: Sequence[list[U64]]) -> F64 | None:
        """Return the sum over a group, float64[d]; None where its norm is larger than its members may add."""
        if self.most_openings is not None and self.openings >= self.most_openings:
            raise BudgetSpent(f"the noise was made for {self.most_openings} sums, and all are opened; end the fit here")
        self.openings += 1
        sums: list[U64] = [np.add.reduce(column, axis=0) for column in zip(*held, strict=True)]
        for total, noise in zip(sums, self.noise, strict=False):
            np.add(total, to_ring(noise.sample(total.size)), out=total)
        opened = self.contribution.decode(from_ring(self._sharing.join(sums)))
        largest = len(held) * self.contribution.clip + self._spread(opened.size)
        return opened if float(np.linalg.norm(opened)) <= largest else None

    def _spread(self, d: int) -> float:
        """Return a bound on the norm of rounding and of all noise in d words; exceeded once in 10**9 sums or less."""
        words = np.sqrt(sum(each.sigma**2 for each in self.noise)) + len(self.hospitals)
        return float(self.contribution.decode(np.array(words * (np.sqrt(d) + LARGEST_DEVIATION))))
