"""What adds up vectors in one process: additive shares with group testing, or masked vectors with a dealer."""

import abc
import os
from collections.abc import Callable, Mapping
from typing import Final, final

import numpy as np

from aggregator.release.group_testing import CohortTotal, GroupTesting, History
from aggregator.release.sum_noise import SumNoise
from aggregator.rounds.vectors import Vectors
from aggregator.store import GroupTestRecord
from lpm_secure.secure_sum.transport import Reason
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring, to_ring
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import PartiesDisagree
from protocols.task import manifest as manifests
from protocols.task.manifest import is_active
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import SecureSum

Shares = dict[str, U64]  # of one aggregator, by client
Vector = Callable[[str], I64]  # what a client sends, by its name
Total = tuple[I64, tuple[str, ...]]  # what was opened, and whom it is over
NO_WORDS: Final = np.zeros(0, dtype=np.uint64)


class VectorBackend(abc.ABC):
    """The servers of one run of sums. Subclasses are final."""

    @property
    @abc.abstractmethod
    def openings(self) -> int:
        """Return how many sums were opened, those of pools among them."""

    @property
    @abc.abstractmethod
    def left_out(self) -> Mapping[str, Reason]:
        """Return who is asked no more, and why."""

    @abc.abstractmethod
    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more."""

    @abc.abstractmethod
    def add(self, number: RoundNumber, members: tuple[str, ...], announced: I64, vector: Vector) -> Total:
        """Return the sum over members' vectors, which answer what is announced, as it is opened.

        Raises:
            BudgetSpent, CohortTooSmall, PartiesDisagree: it is not opened.
        """


def backend_of(task: SecureSum) -> VectorBackend:
    """Return the servers of a manifest, in this process."""
    return MaskedVectors(task) if is_active(task) else SharedVectors(task)


@final
class MaskedVectors(VectorBackend):
    """Two aggregators and a dealer; clients prove the norm of their vectors, and one that keeps silent is out."""

    def __init__(self, task: SecureSum) -> None:
        """Draw all keys."""
        self._run, self._openings = MaskedRun.draw(task).start(), 0
        self._left_out: dict[str, Reason] = {}

    @property
    def openings(self) -> int:
        """Return how many sums were opened."""
        return self._openings

    @property
    def left_out(self) -> Mapping[str, Reason]:
        """Return who has kept silent or failed its proof."""
        return self._left_out

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more, so that they keep silent."""
        self._left_out |= dict.fromkeys(names, Reason.GARBAGE)

    def add(self, number: RoundNumber, members: tuple[str, ...], announced: I64, vector: Vector) -> Total:
        """Play a round that asks, and one that answers."""
        self._run.play(dict.fromkeys(members, NO_WORDS), announced)
        told = self._run.play({name: to_ring(vector(name)) for name in members}, announced[:0])[ENGINE]
        self._openings += 1
        gone = set(self._run.plan.names) - {*told.accepted, *self._left_out}
        self._left_out |= {name: Reason.GARBAGE if name in told.refused else Reason.ABSENT for name in gone}
        return told.release, tuple(sorted(told.accepted))


@final
class SharedVectors(VectorBackend):
    """Aggregators that share every vector, and where a sum is out of range find by group testing who did it."""

    def __init__(self, task: SecureSum) -> None:
        """Draw every institution's and every aggregator's keys."""
        self._rule, self._run = SumRule.of(task), manifests.run_id(task)
        self._keys = {each.name: self._rule.sharing.keys() for each in task.clients}
        plan = ReleasePlan.of(task)
        self._noises = [SumNoise(plan, task.sigma, os.urandom(KEY_BYTES)) for _ in task.aggregators]
        self._history, self._openings = History(), 0

    @property
    def openings(self) -> int:
        """Return how many sums were opened, those of pools among them."""
        return self._openings

    @property
    def left_out(self) -> Mapping[str, Reason]:
        """Return who was found to send garbage."""
        return dict.fromkeys(self._history.left_out, Reason.GARBAGE)

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more."""
        self._history = History(names, self._history.pools, self._history.counted)

    def add(self, number: RoundNumber, members: tuple[str, ...], announced: I64, vector: Vector) -> Total:
        """Split the members' vectors, add up shares, and open the sum that counts."""
        shares = [self.split(vector(name), name, number) for name in members]
        by_aggregator = [dict(zip(members, column, strict=True)) for column in zip(*shares, strict=True)]
        totals = self._tested(GroupTestRecord(number, members), by_aggregator)
        self._history = self._history.after(totals[0])
        return from_ring(self._rule.sharing.join([each.share for each in totals])), totals[0].members

    def split(self, words: I64, name: str, number: RoundNumber) -> list[U64]:
        """Split what an institution sends: one vector for each aggregator."""
        keys = self._keys[name]
        shares = [np.zeros(words.size, dtype=np.uint64) for _ in keys]
        for key, share in zip(keys, shares, strict=True):
            self._rule.sharing.expand(key, round_number=number, out=share)
        return [*shares, self._rule.sharing.split(to_ring(words), keys, round_number=number)]

    def _tested(self, begun: GroupTestRecord, by_aggregator: list[Shares]) -> list[CohortTotal]:
        """Let the aggregators open the sum over all, and pools while a sum is out of range."""
        history = self._history
        each = [
            GroupTesting(self._rule, self._run, noise, begun=begun, vectors=Vectors.of_shares(shares), history=history)
            for noise, shares in zip(self._noises, by_aggregator, strict=True)
        ]
        first, *others = each
        while (current := first.current) is not None:
            in_hand = [other.current for other in others]
            if any(other is None or other.digest != current.digest for other in in_hand):
                raise PartiesDisagree("the aggregators have come to other pools; this is an error of the program")
            fits = first.join([other.share for other in in_hand if other is not None])
            self._openings += 1
            for testing in each:
                testing.record(fits=fits)
        return [testing.total() for testing in each]
