"""A run of sums at one aggregator that is called: it asks the others for their shares, and tells them its own."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol, final

import numpy as np

from aggregator.release.group_testing import NO_TESTS, CohortTotal, GroupTesting, History, PoolShare
from aggregator.release.sum_noise import SumNoise
from aggregator.rounds.round import Round
from aggregator.rounds.vectors import Vectors
from aggregator.store import GroupTestRecord, RoundClosure, Store
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.errors import PartiesDisagree, RoundClosed, ShareRefused, Unavailable
from protocols.task.rounds import Phase
from protocols.task.secure_sum.group_testing import mark
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import answers
from protocols.wire.messages import TrialQuery, TrialShare

LOG: Final = logging.getLogger("aggregator")


class PoolPeer(Protocol):
    """Another aggregator, as it takes part in group testing."""

    async def share_trial(self, query: TrialQuery) -> TrialShare:
        """Ask for its share of the sum over a pool."""


def require_trusted(client: str, last: RoundClosure | None) -> None:
    """Refuse a client that was left out.

    Raises:
        ShareRefused: it was.
    """
    if last is not None and client in last.left_out:
        raise ShareRefused(
            f"{client} sent numbers out of range and is left out of this run; find out why before it joins another"
        )


def history_of(last: RoundClosure | None) -> History:
    """Return what the last round leaves to the next one."""
    return History() if last is None else History(last.left_out, last.seen, last.counted)


def begin(
    store: Store, run: bytes, before: GroupTestRecord, *, number: RoundNumber, members: tuple[str, ...]
) -> GroupTestRecord:
    """Keep whom a round's sum is over before anybody is told of it.

    Args:
        before: the round of which sums were opened last.

    Raises:
        PartiesDisagree: it was over others before; the difference of two sums would be somebody's numbers.
    """
    if before.number != number:
        begun = GroupTestRecord(number, members)
        store.save_group_tests(run, begun)
        return begun
    if before.members != members:
        raise PartiesDisagree(
            f"step {number} has begun over {len(before.members)} clients, and now an aggregator says another cohort "
            f"of {len(members)}; stop the run"
        )
    return before


def closure_of(
    total: CohortTotal,
    history: History,
    number: RoundNumber,
    *,
    decided: tuple[str, ...],
    starts: tuple[bytes, ...],
    digests: dict[str, bytes],
    synthetic: bytes = b"",
) -> RoundClosure:
    """Return what is kept of a round that came to a total."""
    after = history.after(total)
    return RoundClosure(
        number,
        decided,
        total.members,
        {client: digests[client] for client in total.members},
        total.share.tobytes(),
        synthetic,
        b"",
        total.refused,
        after.counted,
        after.left_out,
        total.tests,
        tuple(share.tobytes() for share in total.shares),
        after.pools,
        decided_starts=starts,
    )


@final
class CohortSum:
    """Adds up the rounds of a run of sums, and where one is out of range finds by group testing who did it.

    A round that is done again, after a failure or a restart, is over the same members, shares and noise, and sums that
    are open come to what they came to: so that nothing else is told, even where another aggregator says something else
    now.
    """

    def __init__(
        self,
        rule: SumRule,
        run: bytes,
        noise: SumNoise,
        peers: Sequence[PoolPeer],
        *,
        store: Store,
        timeout_s: float,
    ) -> None:
        """Go on after the last round that closed: a peer that has stopped may still ask for its sums, and waits."""
        self._rule, self._run, self._noise, self._peers, self._store = rule, run, noise, peers, store
        self._schedule, self._timeout_s = noise.plan.schedule, timeout_s
        self._begun, last = store.group_tests(run) or NO_TESTS, store.last_round(run)
        self._number, self._over = NO_TESTS.number, True
        self._told: dict[int, tuple[bytes, U64]] = {}  # this one's shares of the round's sums, by place
        self._more = asyncio.Event()
        if last is not None:
            self._number = last.number
            pools, shares = [each.members for each in last.trials], list(last.tried)
            if not shares:
                pools, shares = [last.members], [last.total]
            words = (np.frombuffer(share, dtype=np.uint64) for share in shares)
            self._told = dict(enumerate(zip(map(mark, pools), words, strict=True)))

    async def settle(
        self, current: Round, members: tuple[str, ...], vectors: Vectors, last: RoundClosure | None
    ) -> RoundClosure:
        """Return what a round comes to, when all aggregators have found whether its sum is in range."""
        history = history_of(last)
        total = await self._total(current.number, members, vectors, history)
        self._over = True
        self._wake()
        for client in total.refused:
            LOG.warning("share refused", extra={"facts": {"client": client, "step": current.step}})
        synthetic = b"" if current.synthetic is None else current.synthetic.tobytes()
        return closure_of(
            total,
            history,
            current.number,
            decided=current.decided or (),
            starts=current.decided_starts,
            digests=current.digests,
            synthetic=synthetic,
        )

    async def share_trial(self, query: TrialQuery) -> TrialShare:
        """Tell another aggregator this one's share of a sum that it has come to by itself; waits until it has.

        Raises:
            PartiesDisagree: it has come to another pool, or to none.
            RoundClosed: the round is over.
            Unavailable: it has not come so far in time.
        """
        number = self._schedule.number(query.step, Phase.SPEAK)
        if not answers(number):
            raise RoundClosed(f"step {query.step} of this run has no sum that could be out of range")
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        while number > self._number or (number == self._number and query.trial not in self._told and not self._over):
            more, remaining = self._more, deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(more.wait(), max(remaining, 0.0))
            except TimeoutError:
                raise Unavailable(f"sum {query.trial} of step {query.step} is not there yet; ask again") from None
        if number < self._number:
            raise RoundClosed(f"step {query.step} is over, and its sums are forgotten")
        over, share = self._told.get(query.trial, (b"", np.zeros(0, dtype=np.uint64)))
        if over != query.over:
            raise PartiesDisagree(f"sum {query.trial} of step {query.step} is over others here; stop the run")
        return TrialShare(query.step, query.trial, over, share)

    async def _total(
        self, number: RoundNumber, members: tuple[str, ...], vectors: Vectors, history: History
    ) -> CohortTotal:
        if number != self._number:
            self._number, self._told = number, {}
        self._over = False
        if not answers(number):
            share, counted = self._noise.add(number, vectors.total(members), before=history.counted)
            return CohortTotal(share, members, (), (), (), counted)
        self._begun = begin(self._store, self._run, self._begun, number=number, members=members)
        testing = GroupTesting(self._rule, self._run, self._noise, begun=self._begun, vectors=vectors, history=history)
        while (current := testing.current) is not None:
            self._told[current.place] = current.digest, current.share
            self._wake()
            if current.place == len(self._begun.fits):  # what a sum comes to is asked once, and kept
                fits = testing.join(await self._others(current))
                self._begun = GroupTestRecord(number, members, (*self._begun.fits, fits))
                self._store.save_group_tests(self._run, self._begun)
            await asyncio.to_thread(testing.record, fits=self._begun.fits[current.place])
        return testing.total()

    async def _others(self, current: PoolShare) -> list[U64]:
        """Return the other aggregators' shares of a sum.

        Raises:
            PartiesDisagree: one of them has come to another pool, or answers for another sum.
            Unavailable: one of them does not answer in time.
        """
        query = TrialQuery(self._run, self._schedule.step(self._number), current.place, current.digest)
        replies = await asyncio.gather(*(peer.share_trial(query) for peer in self._peers))
        for each in replies:
            if (each.step, each.trial, each.over) != (query.step, current.place, current.digest):
                raise PartiesDisagree(f"an aggregator told another sum of step {query.step} than the one asked for")
        return [each.share for each in replies]

    def _wake(self) -> None:
        """Let those look again who wait for a sum."""
        self._more.set()
        self._more = asyncio.Event()
