"""A masked run at one aggregator: whom it waits for and how long, and what the servers tell each other."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, ParamSpec, TypeVar, final

from aggregator.masking.aggregator import MaskingAggregator
from aggregator.masking.members.message_union import Offers
from aggregator.masking.round_state import TWO_THINGS
from aggregator.masking.service.calls import Replies, RunCalls
from aggregator.masking.suppression import MESSAGES
from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import record_of_round, write_masked_round
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber, Step
from protocols.errors import CohortTooSmall, LpmError, RecordsDiffer, ResultsDiffer, RunEnded, Unavailable
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import (
    Closing,
    CountShare,
    KeyCommitment,
    KeyContribution,
    LevelShare,
    Offer,
    OpeningShare,
    RangeVerdict,
    RunMessage,
)
from protocols.masking.plans.run_plan import RunPlan
from protocols.quantity import quantity
from protocols.releases.ledger import RoundRecord
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.task.timeouts import DEADLINES, patience_s
from protocols.wire.masked_link import MaskedLink

P = ParamSpec("P")
T = TypeVar("T")
Asking = tuple[SignedMessage, "asyncio.Future[SignedMessage | None]"]
LOG: Final = logging.getLogger("aggregator")
MOST_ASKED: Final = 4  # times that a round's first question is asked anew; one lost answer takes two
STOP_S: Final = 5.0  # for telling the other servers that the run is over


@final
class MaskedRounds(RunCalls):
    """The rounds of one active run, from the first call on, or from where this aggregator was when it ended.

    A round closes when all that are left, and the engine where it announces, have been heard by either aggregator; or
    at this aggregator's own deadline, over those that have. Whoever has not may come back by a fresh seed, from the
    beginning of a step on. Where another server does not answer in time, or anything is wrong, the run ends: every
    party is told, or finds out with its next call.

    Security: the other aggregator can neither bring a deadline forward nor keep a client out that this one has heard.
        After a restart, a round is closed over clients alone who have called since, and over no fewer than before.
    """

    def __init__(
        self,
        begin: Callable[[], MaskingAggregator],
        plan: RunPlan,
        *,
        peer: MaskedLink,
        dealer: MaskedLink,
        ledger: Ledger | None = None,
    ) -> None:
        """Begin the run, or go on with it; where it is over, or its records differ, all that call are told so."""
        RunCalls.__init__(self, plan, peer=peer, dealer=dealer, ledger=ledger)
        self._links, self._offer = (peer, dealer), Offers()
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._ended = False
        self._asking: Asking | None = None
        self._resumed: RoundNumber | None = None  # the round that it came back in
        try:
            party = begin()
            self._is_short = party.plan.is_short
            if party.ending:
                party.forget()
            self._go_on(party)
            self._party = party
        except RunEnded as error:
            self._refusal = str(error)
            if ledger is not None and not ledger.is_ended:
                self._write_end(error)

    def _go_on(self, party: MaskingAggregator) -> None:
        """Go on where an earlier process was.

        Raises:
            RecordsDiffer: its ledger is of another moment.
            RunEnded: the run was over.
        """
        party.require_running()
        written = party.number if self._ledger is None else self._ledger.number
        if not party.number - 1 <= written <= party.number:
            raise RecordsDiffer(
                f"the ledger of this aggregator ends with round {written}, and it goes on with round {party.number}: "
                "one of them was put back; the run is over"
            )
        self._number = party.number
        if party.checkpoint is not None:
            self._joined, self._replies = {*party.present}, party.checkpoint.replies
        if party.is_back:
            self._resumed = party.number
            self._begin()

    def stop(self) -> None:
        """Let go of what is under way; the run goes on where this aggregator is started again in time."""
        self._peer.stop()
        for each in (self._task, self._asking and self._asking[1]):
            if each is not None:
                each.cancel()

    async def _come_back(self, party: MaskingAggregator) -> None:
        """Tell the other aggregator that this one goes on, and what it may have missed of the round before."""
        posted = () if party.checkpoint is None else party.checkpoint.posted
        try:
            await self._peer.post(party.come_back(self._head(self._number)), timeout_s=self._patience_s)
            for envelope in posted:
                await self._peer.post(envelope, RoundNumber(self._number - 1), timeout_s=self._patience_s)
        except Unavailable:
            if self._number < self.schedule.rounds:
                raise

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        party = self._require_party()
        try:
            if party.is_back:
                await self._come_back(party)
            if self._number == FIRST_ROUND:
                await self._agree_on_key(party)
            while self._number < self.schedule.rounds:
                await self._round(party)
            await asyncio.sleep(patience_s(self._waits, Step(1)))  # somebody's last answer may have been lost
            await asyncio.to_thread(party.forget)
        except LpmError as error:
            self._fail(error)
        except Exception:
            LOG.exception("failed")
            self._fail(RunEnded("an aggregator failed; its log says why"))

    @property
    def _timeout_s(self) -> float:
        return self._waits.join_timeout_s if self._number == FIRST_ROUND else self._waits.round_timeout_s

    @property
    def _patience_s(self) -> float:
        return DEADLINES * self._timeout_s

    async def _swap(self, envelope: SignedMessage, kind: type[RunMessage], *, part: int = 0) -> SignedMessage:
        return await self._peer.swap(envelope, kind, self._number, part=part, timeout_s=self._patience_s)

    def _abandon(self, error: LpmError) -> None:
        """End the run because what was posted did not arrive."""
        if self._task is not None:
            self._task.cancel()
        self._fail(error)

    async def _agree_on_key(self, party: MaskingAggregator) -> None:
        commitment = await self._swap(party.commit(), KeyCommitment)
        party.join_keys(await self._swap(party.contribute(commitment), KeyContribution))

    async def _round(self, party: MaskingAggregator) -> None:
        """Play one round, from its messages to its replies."""
        if (question := party.lost_question) is not None:
            await self._compute(party.recall, await self._ask(question))
        await self._collect(party)
        await self._unite(party)
        closing = await self._compute(party.close, self._head(self._number))
        theirs, parts = await self._swap_and_ask(closing, Closing, self._ask_proofs(party, party.ask_proofs()))
        party.confirm(theirs)
        await self._compute(party.judge, parts)
        verdict = answer = None
        if party.plan.opens(self._number):
            verdict, answer = await self._swap_and_ask(
                party.tell_verdict(), RangeVerdict, self._ask(party.ask_release())
            )
        elif party.plan.compares_verdicts(self._number):
            verdict = await self._swap(party.tell_verdict(), RangeVerdict)
        party.accept(verdict)
        if party.plan.multiplies(self._number):
            await self._open(party.share_levels, party.open_levels, LevelShare, 1)
        if messages := party.opening_messages:
            await self._open(party.share_openings, party.open_openings, OpeningShare, messages)
            await self._compute(party.judge_openings, await self._ask(party.ask_openings()))
            await self._compute(party.open_bits, await self._ask(party.ask_bits()))
        if answer is not None:
            await self._compute(party.release, answer)
        if party.plan.suppresses(self._number):
            await self._open(party.share_counts, party.open_counts, CountShare, MESSAGES)
        members, refused, public = tuple(sorted(party.members)), party.refused, party.public_numbers
        agreed = record_of_round(party.plan.release_plan, self._number, members, refused=refused, public=public)
        replies = await self._compute(party.replies)
        kept = {self._number - 1: self._replies.get(self._number - 1, {}), self._number: replies}
        await self._write(party, agreed, kept)
        self._finish(kept)

    async def _open(
        self, share: Callable[[], SignedMessage], take: Callable[[SignedMessage], None], kind: type[RunMessage], n: int
    ) -> None:
        """Open something with the other aggregator, in so many messages each way."""
        for part in range(n):
            told = await self._compute(share)
            await self._compute(take, await self._swap(told, kind, part=part))

    async def _compute(self, step: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do a step of the protocol: beside calls, or at once where it is short."""
        if self._is_short:
            return step(*arguments, **named)
        return await asyncio.to_thread(step, *arguments, **named)

    async def _write(self, party: MaskingAggregator, agreed: RoundRecord, replies: dict[int, Replies]) -> None:
        """Put a round on disk before anybody is told of it: journal, ledger, and then what a restart goes on with.

        Journal and ledger are waited for side by side.
        """
        posted = tuple(each for each in self._peer.messages_since(self._number) if each.sender == party.signer.name)
        line: Future[None] = Future()
        saving = asyncio.get_running_loop().run_in_executor(None, party.save, replies, posted, line)
        try:
            if self._ledger is not None:
                write_masked_round(self._ledger, party.plan.release_plan, agreed, replies[self._number])
            line.set_result(None)
        except BaseException as error:
            line.set_exception(error)
        await saving

    async def _swap_and_ask(
        self, envelope: SignedMessage, kind: type[RunMessage], asking: Coroutine[Any, Any, SignedMessage]
    ) -> tuple[SignedMessage, SignedMessage]:
        """Post a message and ask the dealer at once; return the other's message and the dealer's answer.

        The dealer answers nobody if both ask different things, and its answer is taken in after the other's message.
        """
        both = [asyncio.ensure_future(each) for each in (self._swap(envelope, kind), asking)]
        try:
            theirs, answer = await asyncio.gather(*both)
        finally:
            for each in both:
                each.cancel()
        return theirs, answer

    async def _ask(self, question: SignedMessage) -> SignedMessage:
        return await self._dealer.ask(question, timeout_s=self._patience_s)

    def _begin_asking(self, question: SignedMessage) -> Asking:
        """Ask the dealer the first question of a round, which answers nothing where the other asks it differently."""
        asking = asyncio.ensure_future(self._dealer.send(question, timeout_s=self._patience_s))
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())  # the run may end without it
        self._asking = question, asking
        return self._asking

    async def _ask_proofs(self, party: MaskingAggregator, question: SignedMessage) -> SignedMessage:
        """Return the dealer's parts of all proofs; an early question is this one, or both ask once more.

        They do so again where the other was not told that its early question is let go of, and asks it still.

        Raises:
            ResultsDiffer: they asked two things, and had not heard two things.
        """
        asked, asking = self._asking or self._begin_asking(question)
        self._asking, answer = None, await asking
        for _ in range(MOST_ASKED if self._offered(party) != party.offered else 0):
            if answer is None:
                asked, answer = question, await self._dealer.send(question, timeout_s=self._patience_s)
        if answer is None or asked.content != question.content:
            raise ResultsDiffer(TWO_THINGS)
        return answer

    def _offered(self, party: MaskingAggregator) -> Offers:
        """Return what the other aggregator says that it has heard; nothing as long as it has not said so."""
        offer = self._inbox.take(Offer, self._number)
        if offer is not None and not self._offer:
            self._offer = party.read(offer, Offer, sender=self._other(party)).hashes
        return self._offer

    async def _collect(self, party: MaskingAggregator) -> None:
        """Wait for all that are left; from a deadline on for as many as a release must cover, and the engine.

        Raises:
            CohortTooSmall, Unavailable: too few came, or the engine did not, while all deadlines passed; or one that
                was heard before a restart does not come again.
        """
        if party.has_offered:
            if not await self._inbox.until(lambda: party.is_whole, self._patience_s):
                raise Unavailable(f"who was heard before a restart did not come again in round {self._number}")
            return
        await self._inbox.until(lambda: self._begun or self._inbox.take(Offer, self._number) is not None, None)

        def silent() -> set[str]:
            gone = self._restarted if party.plan.phase(self._number) == Phase.DECIDE else ()
            return party.silent(self._offered(party)) - self._revoked - {*gone}

        rule = party.plan.release_plan.cohort
        for _ in range(DEADLINES):
            if await self._inbox.until(lambda: not silent(), self._timeout_s):
                return
            missing, offered = silent(), self._offered(party)
            left = rule.size(party.participants(offered) - party.silent(offered) - self._revoked)
            if ENGINE not in missing and left >= rule.least:
                return
        if ENGINE in missing:
            raise Unavailable(f"the engine has not announced round {self._number} in time; the run stops here")
        raise CohortTooSmall(
            f"{quantity(left, 'client')} came to round {self._number}; the manifest promises {rule.least}"
        )

    async def _unite(self, party: MaskingAggregator) -> None:
        """Hand on what the other lacks, and wait for what it has to hand on; clients are too late from here on.

        What was heard is examined while the offer waits for the disk and is under way; where it is all that there can
        be, and this aggregator does not come back, the dealer is asked at once.

        Raises:
            Unavailable: it does not come.
        """
        offer, written = party.propose(), asyncio.wrap_future(party.journal.sync())
        await asyncio.gather(self._tell_offer(offer, written), self._ask_early(party, written))
        offered = self._offered(party)
        for envelope in party.lacking(offered):
            await self._peer.post(envelope, self._number, timeout_s=self._patience_s)
        if not await self._inbox.until(lambda: not party.lacks(offered), self._patience_s):
            raise Unavailable(f"{self._other(party)} did not hand on what it has heard; the run stops here")
        if self._number == self._resumed:
            await self._hear_all(party)
        self._closing = True

    async def _tell_offer(self, offer: SignedMessage, written: "asyncio.Future[None]") -> None:
        await asyncio.shield(written)
        await self._swap(offer, Offer)

    async def _ask_early(self, party: MaskingAggregator, written: "asyncio.Future[None]") -> None:
        await asyncio.to_thread(party.examine, party.words_heard)
        await asyncio.shield(written)
        if self._number != self._resumed and (question := party.ask_early()) is not None:
            self._begin_asking(question)

    async def _hear_all(self, party: MaskingAggregator) -> None:
        """Wait, after a restart, until all whom the round could count have called this aggregator themselves.

        They are where the run is. If this store was put back, the dealer's may have been too, and the other aggregator
        hands on what clients had said then.

        Raises:
            Unavailable: some do not.
        """
        members = party.members if self._number > FIRST_ROUND else ()
        awaited = {*members, *party.speakers} - self._revoked
        if not await self._inbox.until(lambda: awaited <= self._called, self._patience_s):
            raise Unavailable(
                f"after a restart {quantity(len(awaited - self._called), 'client')} did not call in round "
                f"{self._number}, and without all it cannot be told whether a store was put back; the run stops here"
            )

    def _finish(self, replies: dict[int, Replies]) -> None:
        """Let all that wait have their replies, of this round or the one before, and begin the next round."""
        LOG.info("round closed", extra={"facts": {"round": self._number, "members": len(replies[self._number])}})
        self._replies = replies
        self._inbox.forget(self._number)
        self._peer.forget(self._number)
        over, self._over = self._over, asyncio.Event()
        self._number = RoundNumber(self._number + 1)
        self._begun, self._closing, self._offer, self._called = False, False, {}, set()
        over.set()

    def _stop(self, party: MaskingAggregator, envelope: SignedMessage) -> None:
        """Take in that a party has stopped."""
        party.end(envelope)
        if self._task is not None:
            self._task.cancel()
        self._fail(RunEnded(party.ending))

    def _fail(self, error: LpmError) -> None:
        """End the run, once: written down, then told to all that wait and to the other servers."""
        if self._ended or self._party is None:
            return
        self._ended = True
        self._party.abandon(str(error))
        LOG.warning("ended", extra={"facts": {"code": error.code, "reason": self._party.ending}})
        self._over.set()  # who waits wakes after this
        self._inbox.notify()
        self._telling = asyncio.ensure_future(self._tell(self._party))
        self._write_end(error)  # last: a disk that takes no more may be why the run ends

    def _write_end(self, error: LpmError) -> None:
        """Write down why a round did not close; whoever stops after the last one changes nothing of it."""
        if self._ledger is not None and (number := self._ledger.number + 1) < self.schedule.rounds:
            self._ledger.write_refusal(RoundNumber(number), error.code, str(error))

    async def _tell(self, party: MaskingAggregator) -> None:
        """Tell the other servers; one that cannot be told finds out by itself. Nothing of the run is needed then."""
        sent = (link.send(party.stop(), timeout_s=STOP_S) for link in self._links)
        await asyncio.gather(*sent, return_exceptions=True)
        await asyncio.to_thread(party.forget)
