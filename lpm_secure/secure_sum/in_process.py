"""The secure sum in one process: institutions answer, the servers of their own package add up, and sums are opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

from aggregator.rounds.round import too_small
from client_sdk.secure_sum.contribution import F64
from client_sdk.secure_sum.institution import Institution
from lpm_secure.secure_sum.transport import OpenedSum, RoundCounter, SumTransport, words_of
from lpm_secure.secure_sum.vector_backends import VectorBackend, backend_of
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64
from protocols.task.secure_sum.spec import SecureSum


@final
@dataclass(slots=True, eq=False)
class InProcessSum(SumTransport):
    """All parties in this process; the servers add up, test and make noise by the rules of their own package.

    Attributes:
        task: its manifest, whose addresses nobody calls.
        institutions: by name.
        absent: round to the names of institutions that do not answer in it; for tests of dropping out.
        garbage: name to what an institution sends in place of its encoded vector; for tests of garbage.

    Security: a testbed. One that sends words that make a sum's norm larger than its members' clipped vectors can, or
        where security is active its own, is left out and named in every later round. Within that range an institution
        can shift a sum unseen.
    """

    task: SecureSum
    institutions: Mapping[str, Institution] = field(repr=False)
    absent: Mapping[int, frozenset[str]] = field(default_factory=dict)
    garbage: Mapping[str, Callable[[I64], I64]] = field(default_factory=dict, repr=False)
    _counter: RoundCounter = field(init=False, repr=False)
    _backend: VectorBackend = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw the keys of all parties."""
        self._counter, self._backend = RoundCounter(self.task), backend_of(self.task)

    @property
    def manifest(self) -> SecureSum:
        """Return the manifest."""
        return self.task

    @property
    def openings(self) -> int:
        """Return how many sums were opened, those of pools among them."""
        return self._backend.openings

    def open(self, announced: F64) -> OpenedSum:
        """Let each institution answer, and open the sum."""
        self._counter.require(announced)
        away = self.absent.get(self._counter.round, frozenset()).union(self._backend.left_out)
        members = tuple(sorted(name for name in self.institutions if name not in away))
        if len(members) < self.task.min_cohort:
            raise too_small(len(members), "wait for more", least=self.task.min_cohort)
        number = RoundNumber(2 * self._counter.round + 1)
        words = words_of(announced)
        total, members = self._backend.add(number, members, words, lambda name: self._words(name, announced))
        return self._counter.count(total, members, self._backend.left_out)

    @property
    def round(self) -> int:
        """Return the round that comes next."""
        return self._counter.round

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more."""
        self._backend.leave_out(names)

    def _words(self, name: str, announced: F64) -> I64:
        """Return what an institution sends: its clipped vector, unless it sends garbage."""
        words = self.contribution.encode(self.institutions[name].vector(announced))
        return self.garbage[name](words) if name in self.garbage else words
