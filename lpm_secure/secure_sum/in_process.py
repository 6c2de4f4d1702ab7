"""The secure sum in one process: every vector is split for k aggregators, and only sums are put together."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from aggregator.release.group_testing import CohortTotal, GroupTesting, History
from aggregator.release.sum_noise import SumNoise
from aggregator.rounds.round import too_small
from aggregator.rounds.vectors import Vectors
from aggregator.store import GroupTestRecord
from client_sdk.secure_sum.contribution import F64
from client_sdk.secure_sum.institution import Institution
from lpm_secure.secure_sum.transport import OpenedSum, Reason, RoundCounter, SumTransport
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64, from_ring, to_ring
from protocols.arithmetic.sharing import Sharing
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import PartiesDisagree
from protocols.task import manifest as manifests
from protocols.task.secure_sum.spec import SecureSum

Shares = dict[str, U64]  # of one aggregator, by client


@final
@dataclass(slots=True, eq=False)
class InProcessSum(SumTransport):
    """All parties in this process; the aggregators add up, test and make noise by the rules of their own package.

    Attributes:
        task: its manifest, whose addresses nobody calls.
        institutions: by name.
        absent: round to the names of institutions that do not answer in it; for tests of dropping out.
        garbage: name to what an institution sends in place of its encoded vector; for tests of garbage.
        openings: sums that were opened, those of pools among them.

    Security: a testbed. One that sends words that make a sum's norm larger than its members' clipped vectors can is
        left out and named in every later round. Within that range an institution can shift a sum unseen.
    """

    task: SecureSum
    institutions: Mapping[str, Institution] = field(repr=False)
    absent: Mapping[int, frozenset[str]] = field(default_factory=dict)
    garbage: Mapping[str, Callable[[I64], I64]] = field(default_factory=dict, repr=False)
    openings: int = field(init=False, default=0)
    _counter: RoundCounter = field(init=False, repr=False)
    _run: bytes = field(init=False, repr=False)
    _sharing: Sharing = field(init=False, repr=False)
    _keys: dict[str, tuple[bytes, ...]] = field(init=False, repr=False)
    _noises: list[SumNoise] = field(init=False, repr=False)
    _history: History = field(init=False, repr=False, default_factory=History)

    def __post_init__(self) -> None:
        """Draw every institution's and every aggregator's keys."""
        self._counter, self._run = RoundCounter(self.task), manifests.run_id(self.task)
        self._sharing = self.task.share()
        self._keys = {each.name: self._sharing.keys() for each in self.task.clients}
        self._noises = [SumNoise(self.task, os.urandom(KEY_BYTES)) for _ in self.task.aggregators]

    @property
    def manifest(self) -> SecureSum:
        """Return the manifest."""
        return self.task

    def open(self, announced: F64) -> OpenedSum:
        """Let each institution answer, add up shares, and open the sum."""
        self._counter.require(announced)
        away = self.absent.get(self._counter.round, frozenset()).union(self._history.left_out)
        members = tuple(sorted(name for name in self.institutions if name not in away))
        if len(members) < self.task.min_cohort:
            raise too_small(self.task, len(members), "wait for more")
        number = RoundNumber(2 * self._counter.round + 1)
        shares = [self._split(self._words(name, announced), name, number) for name in members]
        by_aggregator = [dict(zip(members, column, strict=True)) for column in zip(*shares, strict=True)]
        totals = self._tested(GroupTestRecord(number, members), by_aggregator)
        one = totals[0]
        self._history = self._history.after(one)
        opened = from_ring(self._sharing.join([each.share for each in totals]))
        return self._counter.count(opened, one.members, dict.fromkeys(self._history.left_out, Reason.GARBAGE))

    @property
    def round(self) -> int:
        """Return the round that comes next."""
        return self._counter.round

    def leave_out(self, names: tuple[str, ...]) -> None:
        """Ask these no more."""
        self._history = History(names, self._history.pools, self._history.counted)

    def _words(self, name: str, announced: F64) -> I64:
        """Return what an institution sends: its clipped vector, unless it sends garbage."""
        words = self.contribution.encode(self.institutions[name].vector(announced))
        return self.garbage[name](words) if name in self.garbage else words

    def _split(self, words: I64, name: str, number: RoundNumber) -> list[U64]:
        """Split what an institution sends: one vector for each aggregator."""
        keys = self._keys[name]
        shares = [np.zeros(words.size, dtype=np.uint64) for _ in keys]
        for key, share in zip(keys, shares, strict=True):
            self._sharing.expand(key, round_number=number, out=share)
        return [*shares, self._sharing.split(to_ring(words), keys, round_number=number)]

    def _tested(self, begun: GroupTestRecord, by_aggregator: list[Shares]) -> list[CohortTotal]:
        """Let the aggregators open the sum over all, and pools while a sum is out of range."""
        history = self._history
        each = [
            GroupTesting(self.task, self._run, noise, begun=begun, vectors=Vectors.of_shares(shares), history=history)
            for noise, shares in zip(self._noises, by_aggregator, strict=True)
        ]
        first, *others = each
        while (current := first.current) is not None:
            in_hand = [other.current for other in others]
            if any(other is None or other.digest != current.digest for other in in_hand):
                raise PartiesDisagree("the aggregators have come to other pools; this is an error of the program")
            fits = first.join([other.share for other in in_hand if other is not None])
            self.openings += 1
            for testing in each:
                testing.record(fits=fits)
        return [testing.total() for testing in each]
