"""Group testing at one aggregator: the sums of one round, over all members first, then over pools of them.

Adaptive group testing finds few defective items among many by tests of pools. Here an item is a client, a pool is a
group of clients whose shares are added up, and a test is whether the opened sum over the pool is in its range. Nothing
here waits or travels: whoever carries shares between the aggregators (calls, messages, or nothing where all of them are
in one process) gets this one's share of the pool in hand, and puts the others' shares in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

from aggregator.release.sum_noise import SumNoise
from aggregator.rounds.vectors import Vectors
from aggregator.store import GroupTestRecord
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64, from_ring
from protocols.errors import BudgetSpent, PartiesDisagree
from protocols.releases.ledger import Trial
from protocols.task.secure_sum.group_testing import Inquiry, coin, mark
from protocols.task.secure_sum.range import SumRule

NO_TESTS: Final = GroupTestRecord(RoundNumber(-1), ())  # before the first round
Pools = tuple[tuple[str, ...], ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class PoolShare:
    """One aggregator's share of the sum over a pool, its noise included.

    Attributes:
        place: of the pool in its round, from 0.
        pool: whom the sum is over.
    """

    place: int
    pool: tuple[str, ...]
    share: U64 = field(repr=False)

    @property
    def digest(self) -> bytes:
        """Return the digest of whom the sum is over; the aggregators compare it before they add anything up."""
        return mark(self.pool)


@final
@dataclass(frozen=True, slots=True)
class History:
    """What earlier rounds of the run leave to the next one.

    Attributes:
        left_out: clients that were named by now.
        pools: of all tests by now.
        counted: what the releases by now have cost; see `SumNoise.add`.
    """

    left_out: tuple[str, ...] = ()
    pools: Pools = ()
    counted: bytes = b""

    @property
    def live(self) -> Pools:
        """Return the pools without those that were named: what these sent can be told from the sums."""
        return tuple(tuple(name for name in pool if name not in self.left_out) for pool in self.pools)

    def after(self, total: "CohortTotal") -> "History":
        """Return what is left to the next round when one more has come to its total."""
        left_out = tuple(sorted({*total.refused, *self.left_out}))
        pools = tuple(dict.fromkeys((*self.pools, *(test.members for test in total.tests))))
        return History(left_out, pools, total.counted)


@final
@dataclass(frozen=True, slots=True, eq=False)
class CohortTotal:
    """What a round came to.

    Attributes:
        share: this aggregator's, of the sum that is told.
        members: whom that sum is over.
        refused: who sent garbage, as the tests say.
        tests: that were made to find that out; none where the sum over all is in range.
        shares: this aggregator's, of each of these sums.
        counted: see `History`.
    """

    share: U64 = field(repr=False)
    members: tuple[str, ...]
    refused: tuple[str, ...]
    tests: tuple[Trial, ...]
    shares: tuple[U64, ...] = field(repr=False)
    counted: bytes


@final
class GroupTesting:
    """One round: opens the sum over all members, and while a sum is out of range, sums over pools of them.

    The pools are of the same shares, which no client can change any more. All aggregators draw them alike from what all
    of them know; nobody asks for one. The same members, shares and noise give the same pools and the same shares, so a
    round that is done again, after a failure or a restart, tells nothing else.

    Security: the other aggregators learn the sums over pools, each with this one's noise and each in the ledger;
        whoever asked for the round is told one sum. See `Inquiry` for what the sums together do not tell. An aggregator
        that lies about its shares can make an honest client look guilty, as it can shift any sum; which pools are
        opened then depends on what it said, and tells it something about the sums.
    """

    def __init__(
        self,
        rule: SumRule,
        run: bytes,
        noise: SumNoise,
        *,
        begun: GroupTestRecord,
        vectors: Vectors,
        history: History,
    ) -> None:
        """Begin with the sum over all members.

        Args:
            rule: of the run's sums.
            run: its id.
            noise: this aggregator's.
            begun: the round's number and members.
            vectors: this aggregator's shares of the round.
            history: of the rounds before.

        Raises:
            BudgetSpent: the manifest allows no further sum; nothing was opened.
        """
        self._rule, self._noise, self._vectors = rule, noise, vectors
        self._number, self._members, self._counted = begun.number, begun.members, history.counted
        self._inquiry = Inquiry(begun.members, noise.plan.cohort.least, coin(run, begun.number), history.live)
        self._shares: list[U64] = []
        self._out_of_range = False
        self.current: PoolShare | None = None
        self._add_up(begun.members)

    def join(self, others: Sequence[U64]) -> bool:
        """Put the sum in hand together with the other aggregators' shares, and tell whether it is in range.

        Raises:
            PartiesDisagree: a share of another length, or not one of each.
        """
        sizes = [each.size for each in others]
        if self.current is None or sizes != [self.current.share.size] * (self._rule.aggregators - 1):
            raise PartiesDisagree(f"got shares of {sizes} words in round {self._number}; stop the run")
        total = from_ring(self._rule.sharing.join([self.current.share, *others]))
        return self._rule.in_range(total, len(self.current.pool))

    def record(self, *, fits: bool) -> None:
        """Take in whether the sum in hand is in range, and go on to the next one; it may take a second to draw."""
        current, self.current = self.current, None
        if current is None or (current.place == 0 and fits):
            return
        if current.place == 0:
            self._out_of_range = True
        else:
            self._inquiry.tell(current.pool, fits=fits)
        pool = self._inquiry.next()
        if pool is None:
            return
        try:
            self._add_up(pool)
        except BudgetSpent:
            return  # what has been opened is told, and written down; the next round ends the run

    def total(self) -> CohortTotal:
        """Return what the round came to, when no sum is in hand any more."""
        if not self._out_of_range:
            return CohortTotal(self._shares[0], self._members, (), (), (), self._counted)
        tests = self._inquiry.trials
        pools = [test.members for test in tests]
        told = self._inquiry.summands or self._members
        share = self._shares[pools.index(told)]
        return CohortTotal(share, told, self._inquiry.culprits, tuple(tests), tuple(self._shares), self._counted)

    def _add_up(self, pool: tuple[str, ...]) -> None:
        place = len(self._shares)
        total = self._vectors.total(pool)
        share, self._counted = self._noise.add(self._number, total, before=self._counted, place=place)
        self._shares.append(share)
        self.current = PoolShare(place, pool, share)
