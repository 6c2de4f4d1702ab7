"""A calibration's sums at one aggregator: each is held against its range before it is told, and garbage traced."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

import numpy as np

from aggregator.release.noise import ReleaseNoise
from aggregator.rounds.round import Round
from aggregator.rounds.vectors import Vectors
from aggregator.store import GroupTestRecord, RoundClosure, Store
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64, from_ring
from protocols.errors import BudgetSpent, PartiesDisagree, RoundClosed, ShareRefused, Unavailable
from protocols.releases.ledger import Trial
from protocols.releases.query import GRADIENT
from protocols.task.manifest import Manifest
from protocols.task.release_plan import releases_of
from protocols.task.rounds import Phase
from protocols.task.secure_sum.group_testing import Inquiry, coin, mark
from protocols.task.secure_sum.range import in_range
from protocols.task.secure_sum.spec import answers
from protocols.wire.messages import TrialQuery, TrialShare

LOG: Final = logging.getLogger("aggregator")
NO_ROUND: Final = RoundNumber(-1)
Groups = tuple[tuple[str, ...], ...]


class TrialPeer(Protocol):
    """Another aggregator, as it takes part in an inquiry."""

    async def share_trial(self, query: TrialQuery) -> TrialShare:
        """Ask for its share of a sum."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrialSum:
    """A sum that all aggregators have put together: this one's share of it, its noise included."""

    share: U64 = field(repr=False)
    fits: bool
    counted: bytes


@final
@dataclass(frozen=True, slots=True, eq=False)
class GroupTestResult:
    """What a round came to: whose sum is told, who sent garbage, and what was opened to find that out."""

    share: U64 = field(repr=False)
    members: tuple[str, ...]
    refused: tuple[str, ...]
    trials: tuple[Trial, ...]
    tried: tuple[bytes, ...] = field(repr=False)
    counted: bytes


def require_kept(client: str, last: RoundClosure | None) -> None:
    """Refuse a client that was left out.

    Raises:
        ShareRefused: it was.
    """
    if last is not None and client in last.left_out:
        raise ShareRefused(
            f"{client} sent numbers out of range and is left out of this run; find out why before it joins another"
        )


@final
class Blame:
    """Adds up a calibration's rounds, and where a sum is out of range finds out by sums over groups who did it.

    The groups are of the same shares, which no client can change any more. All aggregators draw them alike from what
    all of them know; nobody asks for one. A round that is done again, after a failure or a restart, is over the same
    members, shares and noise, and sums that are open come to what they came to: so that nothing else is told, even
    where another aggregator says something else now.

    Security: the other aggregators learn the sums over groups, each with this one's noise and each in the ledger;
        engine and clients are told one sum of a round. See `Inquiry` for what the sums together do not tell. An
        aggregator that lies about its shares can make an honest client look guilty, as it can shift any sum; which
        groups are opened then depends on what it said, and tells it something about the sums.
    """

    def __init__(
        self, manifest: Manifest, run: bytes, noise: ReleaseNoise, peers: Sequence[TrialPeer], store: Store
    ) -> None:
        """Go on after the last round that closed: a peer that has stopped may still ask for its sums."""
        self._manifest, self._run, self._noise, self._peers, self._store = manifest, run, noise, peers, store
        self._begun, last = store.group_tests(run) or GroupTestRecord(NO_ROUND, ()), store.last_round(run)
        self._number, self._over = NO_ROUND, True
        self._tried: dict[int, tuple[bytes, U64]] = {}
        self._more = asyncio.Event()
        if last is not None:
            self._number = last.number
            over, shares = [each.members for each in last.trials], list(last.tried)
            if not shares:
                over, shares = [last.members], [last.total]
            told = (np.frombuffer(share, dtype=np.uint64) for share in shares)
            self._tried = dict(enumerate(zip(map(mark, over), told, strict=True)))

    async def settle(
        self, current: Round, members: tuple[str, ...], vectors: Vectors, last: RoundClosure | None
    ) -> RoundClosure:
        """Return what a round comes to, when all aggregators have found whether its sum is in range."""
        number = current.number
        left_out, seen = ((), ()) if last is None else (last.left_out, last.seen)
        known = tuple(tuple(name for name in group if name not in left_out) for group in seen)
        result = await self._result(number, members, vectors, known, b"" if last is None else last.counted)
        self._over = True
        self._wake()
        for client in result.refused:
            LOG.warning("share refused", extra={"facts": {"client": client, "step": current.step}})
        return RoundClosure(
            number,
            current.decided or (),
            result.members,
            {client: current.digests[client] for client in result.members},
            result.share.tobytes(),
            b"" if current.synthetic is None else current.synthetic.tobytes(),
            b"",
            result.refused,
            result.counted,
            tuple(sorted({*result.refused, *left_out})),
            result.trials,
            result.tried,
            tuple(dict.fromkeys((*seen, *(trial.members for trial in result.trials)))),
        )

    async def share_trial(self, query: TrialQuery) -> TrialShare:
        """Tell another aggregator this one's share of a sum that it has come to by itself; waits until it has.

        Raises:
            PartiesDisagree: it has come to another group, or to none.
            RoundClosed: the round is over.
            Unavailable: it has not come so far in time.
        """
        number = self._manifest.schedule.number(query.step, Phase.SPEAK)
        if self._manifest.calibration is None or not answers(number):
            raise RoundClosed(f"step {query.step} of this run has no sum that could be out of range")
        deadline = asyncio.get_running_loop().time() + self._manifest.round_timeout_s
        while number > self._number or (number == self._number and query.trial not in self._tried and not self._over):
            more, remaining = self._more, deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(more.wait(), max(remaining, 0.0))
            except TimeoutError:
                raise Unavailable(f"sum {query.trial} of step {query.step} is not there yet; ask again") from None
        if number < self._number:
            raise RoundClosed(f"step {query.step} is over, and its sums are forgotten")
        over, share = self._tried.get(query.trial, (b"", np.zeros(0, dtype=np.uint64)))
        if over != query.over:
            raise PartiesDisagree(f"sum {query.trial} of step {query.step} is over others here; stop the run")
        return TrialShare(query.step, query.trial, over, share)

    async def _result(
        self, number: RoundNumber, members: tuple[str, ...], vectors: Vectors, seen: Groups, counted: bytes
    ) -> GroupTestResult:
        if number != self._number:
            self._number, self._tried = number, {}
        self._over = False
        if not answers(number):
            share, counted = self._noise.add(number, vectors.total(members), members, shares=vectors, before=counted)
            return GroupTestResult(share, members, (), (), (), counted)
        self._begin(number, members)
        opened = await self._open(0, members, vectors, counted)
        if opened.fits:
            return GroupTestResult(opened.share, members, (), (), (), opened.counted)
        return await self._inquire(members, opened, vectors, seen)

    def _begin(self, number: RoundNumber, members: tuple[str, ...]) -> None:
        """Keep whom a round's sum is over before anybody is told of it.

        Raises:
            PartiesDisagree: it was over others before; the difference of two sums would be somebody's numbers.
        """
        if self._begun.number != number:
            self._keep(GroupTestRecord(number, members))
        elif self._begun.members != members:
            raise PartiesDisagree(
                f"step {self._manifest.schedule.step(number)} has begun over {len(self._begun.members)} clients, and "
                f"now an aggregator says another cohort of {len(members)}; stop the run"
            )

    def _keep(self, begun: GroupTestRecord) -> None:
        self._store.save_group_tests(self._run, begun)
        self._begun = begun

    async def _inquire(
        self, members: tuple[str, ...], opened: TrialSum, vectors: Vectors, seen: Groups
    ) -> GroupTestResult:
        """Open sums over groups until it is known who sent garbage, or cannot be found out."""
        inquiry = Inquiry(members, self._manifest.min_cohort, coin(self._run, self._number), seen)
        shares = [opened.share]
        while (group := await asyncio.to_thread(inquiry.next)) is not None:
            try:
                opened = await self._open(len(shares), group, vectors, opened.counted)
            except BudgetSpent:
                break  # what has been opened is told, and written down; the next round ends the run
            shares.append(opened.share)
            inquiry.tell(group, fits=opened.fits)
        over = [trial.members for trial in inquiry.trials]
        told = inquiry.summands or members
        tried = tuple(share.tobytes() for share in shares)
        return GroupTestResult(
            shares[over.index(told)], told, inquiry.culprits, tuple(inquiry.trials), tried, opened.counted
        )

    async def _open(self, trial: int, group: tuple[str, ...], vectors: Vectors, counted: bytes) -> TrialSum:
        """Tell this aggregator's share of a sum over a group; what the sum comes to is asked once, and kept."""
        number, over = self._number, mark(group)
        share, counted = self._noise.add(
            number, vectors.total(group), group, shares=vectors, before=counted, trial=trial
        )
        self._tried[trial] = over, share
        self._wake()
        if trial == len(self._begun.fits):
            fits = await self._put_together(trial, share, over=over, members=len(group))
            self._keep(GroupTestRecord(number, self._begun.members, (*self._begun.fits, fits)))
        return TrialSum(share, self._begun.fits[trial], counted)

    async def _put_together(self, trial: int, share: U64, *, over: bytes, members: int) -> bool:
        """Tell whether a sum is in range, with the other aggregators' shares of it.

        Raises:
            PartiesDisagree: one of them has come to another group, or answers with another length.
            Unavailable: one of them does not answer in time.
        """
        query = TrialQuery(self._run, self._manifest.schedule.step(self._number), trial, over)
        told = await asyncio.gather(*(peer.share_trial(query) for peer in self._peers))
        for each in told:
            if (each.step, each.trial, each.over, each.share.size) != (query.step, trial, over, share.size):
                raise PartiesDisagree(f"an aggregator told another sum of step {query.step} than the one asked for")
        total = from_ring(self._manifest.share().join([share, *(each.share for each in told)]))
        release, k = releases_of(self._manifest).of(GRADIENT), len(self._manifest.aggregators)
        return in_range(self._manifest.require_calibration(), total, members, release=release, aggregators=k)

    def _wake(self) -> None:
        """Let those look again who wait for a sum."""
        self._more.set()
        self._more = asyncio.Event()
