"""A masked run at one aggregator: whom it waits for and how long, and what the servers tell each other."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final, final

from aggregator.masking.aggregator import NO_HEAD, MaskingAggregator
from aggregator.masking.collection import seed_of
from aggregator.masking.members.message_union import Offers
from aggregator.masking.service.inbox import Inbox
from aggregator.masking.service.peer import PeerChannel
from aggregator.masking.suppression import MESSAGES
from aggregator.release.ledger import Ledger
from aggregator.release.ledger_entries import record_of_round, write_masked_round
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.errors import (
    CohortTooSmall,
    LpmError,
    NotEnrolled,
    RoundAhead,
    RoundClosed,
    RunEnded,
    Unavailable,
    WireError,
    WrongLength,
)
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import (
    Closing,
    CountShare,
    KeyCommitment,
    KeyContribution,
    LevelShare,
    Offer,
    RangeVerdict,
    RunMessage,
    SeedNotice,
    StepNotice,
    Stop,
    WordsNotice,
)
from protocols.task.manifest import Manifest, cohort
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.task.timeouts import DEADLINES
from protocols.wire import codec
from protocols.wire.masked_link import MaskedLink
from protocols.wire.messages import Join, JoinReply, MaskedCall, MaskedReply

LOG: Final = logging.getLogger("aggregator")
SEED_AHEAD: Final = 2  # rounds until a seed serves that came when a step had begun
STOP_S: Final = 5.0  # for telling the other servers that the run is over
OF_CLIENTS: Final = (SeedNotice, WordsNotice, StepNotice, Stop)
OF_SERVERS: Final = (*OF_CLIENTS, KeyCommitment, KeyContribution, Offer, Closing, RangeVerdict, LevelShare, CountShare)
Replies = dict[str, SignedMessage]


@final
class MaskedRounds:
    """The rounds of one active run, from the first call on.

    A round closes when all that are left, and the engine where it announces, have been heard by either aggregator; or
    at this aggregator's own deadline, over those that have. Whoever has not may come back by a fresh seed, from the
    beginning of a step on. Where another server does not answer in time, or anything is wrong, the run ends: every
    party is told, or finds out with its next call.

    Security: the other aggregator can neither bring a deadline forward nor keep a client out that this one has heard. A
        caller is handed the reply that is its own, and no other.
    """

    def __init__(
        self,
        begin: Callable[[], MaskingAggregator],
        manifest: Manifest,
        *,
        peer: MaskedLink,
        dealer: MaskedLink,
        ledger: Ledger | None = None,
    ) -> None:
        """Begin the run, once; where it was begun before, all that call are told that it is over."""
        self.manifest = manifest
        self._links, self._dealer, self._ledger = (peer, dealer), dealer, ledger
        self._party: MaskingAggregator | None = None
        self._refusal = ""
        self._inbox, self._over = Inbox(), asyncio.Event()
        self._peer = PeerChannel(peer, self._inbox, self._abandon)
        self._number, self._begun, self._open, self._closing = FIRST_ROUND, False, True, False
        self._replies: dict[int, Replies] = {}
        self._offer: Offers = {}
        self._bytes: Counter[str] = Counter()
        self._joined: set[str] = set()
        self._restarted: set[str] = set()  # have joined again, and answer nothing before their next seed
        self._revoked: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._ended = False
        try:
            self._party = begin()
        except RunEnded as error:
            self._refusal = str(error)
            if ledger is not None and max(ledger.heads) + 1 < manifest.schedule.rounds:
                self._write_end(error)

    @property
    def traffic(self) -> dict[str, int]:
        """Return the bytes of calls and answers between this server and engine, other aggregator and dealer."""
        if self._party is None:
            return {}
        dealer, way = self._party.plan.dealer.name, self._dealer.transport
        return {**self._bytes, f"{dealer} received": way.received, f"{dealer} sent": way.sent}

    async def answer(self, caller: str, request: object) -> JoinReply | MaskedReply:
        """Answer one call of a party whose name the transport has verified.

        Raises:
            NotEnrolled: it speaks in another's name.
            RoundClosed: the round is over, and the caller is out of the run.
            RunEnded: the run is over.
        """
        reply = await self._answer(caller, request)
        if caller in (ENGINE, *(party.name for party in self.manifest.aggregators)):
            self._bytes[f"{caller} received"] += len(codec.encode(request))
            self._bytes[f"{caller} sent"] += len(codec.encode(reply))
        return reply

    async def _answer(self, caller: str, request: object) -> JoinReply | MaskedReply:
        party = self._require_party()
        if isinstance(request, Join):
            return self._join(caller, request)
        if not isinstance(request, MaskedCall):
            raise WireError(f"the run's security is active, and it takes no {type(request).__name__}")
        other = self._other(party)
        envelope = request.envelope
        message = party.read(envelope, *(OF_SERVERS if caller == other else OF_CLIENTS))
        if isinstance(message, Stop):
            self._stop(party, envelope)
            return MaskedReply(None)
        self._begin()
        if caller == other and isinstance(message, OF_CLIENTS):
            if message.number == self._number and not self._closing:
                self._receive(party, envelope)
            return MaskedReply(None)
        if envelope.sender != caller:
            raise NotEnrolled(f"{caller} sent a message in the name of {envelope.sender}")
        if isinstance(message, OF_CLIENTS):
            return MaskedReply(await self._exchange(party, caller, envelope, message))
        self._inbox.put(message, envelope, number=self._number)
        return MaskedReply(None)

    def leave_out(self, client: str) -> None:
        """Wait no longer for a client that this operator has shut out; whom the other one hears counts still."""
        self._revoked |= {client, seed_of(client)}
        self._inbox.notify()

    def stop(self) -> None:
        """Let go of what is under way."""
        self._peer.stop()
        if self._task is not None:
            self._task.cancel()
            if self._number < self.manifest.schedule.rounds:
                self._fail(RunEnded("an aggregator was stopped in the middle of the run"))

    def _require_party(self) -> MaskingAggregator:
        if self._party is None:
            raise RunEnded(self._refusal)
        self._party.require_running()
        return self._party

    def _other(self, party: MaskingAggregator) -> str:
        return party.plan.aggregators[1 - party.index]

    def _join(self, client: str, message: Join) -> JoinReply:
        if client not in {party.name for party in self.manifest.clients}:
            raise NotEnrolled(f"the manifest lists no client {client}; ask the run's operator to enrol it")
        if message.key:
            raise WrongLength(f"got a key of {len(message.key)} bytes; clients of an active run seal a seed")
        step = self.manifest.schedule.step(RoundNumber(self._number + 1))  # of which the first round has not begun
        if client in self._joined:
            self._restarted.add(client)
            self._inbox.notify()
        elif self._ledger is not None:
            self._ledger.write_joining(client, step)
        self._joined.add(client)
        return JoinReply(step)

    async def _exchange(
        self, party: MaskingAggregator, caller: str, envelope: SignedMessage, message: RunMessage
    ) -> SignedMessage | None:
        """Take a client's or the engine's message in, and return the reply when its round is over."""
        number, rounds = message.number, self.manifest.schedule.rounds
        ahead = SEED_AHEAD if isinstance(message, SeedNotice) else 1  # a simulation's engine speaks every second round
        while self._number < number <= min(self._number + ahead, rounds - 1):
            await self._over.wait()
            party.require_running()
        if number > self._number or number >= rounds:
            raise RoundAhead(f"got a message of round {number} in round {self._number}")
        if number == self._number and self._open:
            self._receive(party, envelope)
        if isinstance(message, SeedNotice):
            return self._attend(party, caller, RoundNumber(number))
        if number == self._number:
            await self._over.wait()
            party.require_running()
        reply = self._replies.get(number, {}).get(caller)
        if reply is None or (isinstance(message, WordsNotice) and not party.has_counted(envelope, message)):
            raise RoundClosed(f"{caller} is out of the run since round {number}: it was late, or left its ranges")
        return reply

    def _attend(self, party: MaskingAggregator, client: str, number: RoundNumber) -> SignedMessage | None:
        """Return what a client is told that comes back in a round; both aggregators tell the same, however far on."""
        if number == FIRST_ROUND and self._number > FIRST_ROUND:
            raise RoundClosed(f"the run has begun without {client}, or {client} has lost what it kept of it")
        if number == FIRST_ROUND:
            return None
        self._restarted.discard(client)
        told = party.attend(client, number)
        if told is None:
            raise RoundClosed(f"{client} is out of the run: it told no thresholds, or left its ranges")
        return told

    def _receive(self, party: MaskingAggregator, envelope: SignedMessage) -> None:
        try:
            party.receive(envelope)
        except LpmError as error:
            self._fail(error)
            party.require_running()
        self._begun = True
        self._inbox.notify()

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            party = self._require_party()
            await self._agree_on_key(party)
            while self._number < self.manifest.schedule.rounds:
                await self._round(party)
        except LpmError as error:
            self._fail(error)
        except Exception:
            LOG.exception("failed")
            self._fail(RunEnded("an aggregator failed; its log says why"))

    @property
    def _timeout_s(self) -> float:
        return self.manifest.join_timeout_s if self._number == FIRST_ROUND else self.manifest.round_timeout_s

    async def _swap(self, envelope: SignedMessage, kind: type[RunMessage], *, part: int = 0) -> SignedMessage:
        timeout_s = DEADLINES * self._timeout_s
        return await self._peer.swap(envelope, kind, self._number, part=part, timeout_s=timeout_s)

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
        await self._collect(party)
        await self._unite(party)
        head = NO_HEAD if self._ledger is None else self._ledger.head(self._number) or NO_HEAD
        closing = await asyncio.to_thread(party.close, head)
        theirs, parts = await self._swap_and_ask(closing, Closing, party.ask_proofs())
        party.confirm(theirs)
        await asyncio.to_thread(party.judge, parts)
        verdict = answer = None
        if party.plan.opens(self._number):
            verdict, answer = await self._swap_and_ask(party.tell_verdict(), RangeVerdict, party.ask_release())
        elif party.plan.compares_verdicts(self._number):
            verdict = await self._swap(party.tell_verdict(), RangeVerdict)
        party.accept(verdict)
        if party.plan.multiplies(self._number):
            shares = await asyncio.to_thread(party.share_levels)
            await asyncio.to_thread(party.open_levels, await self._swap(shares, LevelShare))
        if answer is not None:
            await asyncio.to_thread(party.release, answer)
        for part in range(MESSAGES if party.plan.suppresses(self._number) else 0):
            counts = await asyncio.to_thread(party.share_counts)
            await asyncio.to_thread(party.open_counts, await self._swap(counts, CountShare, part=part))
        refused, public = party.refused, party.public_numbers
        replies = await asyncio.to_thread(party.replies)
        if self._ledger is not None:
            members = tuple(sorted(party.members))
            agreed = record_of_round(self.manifest, self._number, members, refused=refused, public=public)
            write_masked_round(self._ledger, agreed, replies)
        self._finish(replies)

    async def _swap_and_ask(
        self, envelope: SignedMessage, kind: type[RunMessage], question: SignedMessage
    ) -> tuple[SignedMessage, SignedMessage]:
        """Post a message and ask the dealer at once; return the other's message and the dealer's answer.

        The dealer answers nobody if both ask different things, and its answer is taken in after the other's message.
        """
        both = [asyncio.ensure_future(each) for each in (self._swap(envelope, kind), self._ask(question))]
        try:
            theirs, answer = await asyncio.gather(*both)
        finally:
            for each in both:
                each.cancel()
        return theirs, answer

    async def _ask(self, question: SignedMessage) -> SignedMessage:
        return await self._dealer.ask(question, timeout_s=DEADLINES * self._timeout_s)

    def _offered(self, party: MaskingAggregator) -> Offers:
        """Return what the other aggregator says that it has heard; nothing as long as it has not said so."""
        offer = self._inbox.take(Offer, self._number)
        if offer is not None and not self._offer:
            self._offer = party.read(offer, Offer, sender=self._other(party)).hashes
        return self._offer

    async def _collect(self, party: MaskingAggregator) -> None:
        """Wait for all that are left; from a deadline on for as many as a release must cover, and the engine.

        Raises:
            CohortTooSmall, Unavailable: too few came, or the engine did not, while all deadlines passed.
        """
        await self._inbox.until(lambda: self._begun or self._inbox.take(Offer, self._number) is not None, None)

        def silent() -> set[str]:
            gone = self._restarted if party.plan.phase(self._number) == Phase.DECIDE else ()
            return party.silent(self._offered(party)) - self._revoked - {*gone}

        for _ in range(DEADLINES):
            if await self._inbox.until(lambda: not silent(), self._timeout_s):
                return
            missing = silent()
            offered = self._offered(party)
            left = cohort(self.manifest, party.participants(offered) - party.silent(offered) - self._revoked)
            if ENGINE not in missing and left >= self.manifest.min_cohort:
                return
        if ENGINE in missing:
            raise Unavailable(f"the engine has not announced round {self._number} in time; the run stops here")
        least = self.manifest.min_cohort
        raise CohortTooSmall(f"{left} clients came to round {self._number}; the manifest promises {least}")

    async def _unite(self, party: MaskingAggregator) -> None:
        """Hand on what the other lacks, and wait for what it has to hand on; clients are too late from here on.

        Raises:
            Unavailable: it does not come.
        """
        self._open = False
        await self._swap(party.propose(), Offer)
        offered = self._offered(party)
        for envelope in party.lacking(offered):
            await self._peer.post(envelope, timeout_s=DEADLINES * self._timeout_s)
        if not await self._inbox.until(lambda: not party.lacks(offered), DEADLINES * self._timeout_s):
            raise Unavailable(f"{self._other(party)} did not hand on what it has heard; the run stops here")
        self._closing = True

    def _finish(self, replies: Replies) -> None:
        """Let all that wait have their replies, and begin the next round."""
        LOG.info("round closed", extra={"facts": {"round": self._number, "members": len(replies)}})
        before = self._replies.get(self._number - 1, {})
        self._replies = {self._number - 1: before, self._number: replies}
        self._inbox.forget(self._number)
        over, self._over = self._over, asyncio.Event()
        self._number = RoundNumber(self._number + 1)
        self._begun, self._open, self._closing, self._offer = False, True, False, {}
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
        self._write_end(error)
        self._over.set()
        self._inbox.notify()
        self._telling = asyncio.ensure_future(self._tell(self._party.stop()))

    def _write_end(self, error: LpmError) -> None:
        if self._ledger is not None:
            self._ledger.write_refusal(RoundNumber(max(self._ledger.heads) + 1), error.code, str(error))

    async def _tell(self, stop: SignedMessage) -> None:
        """Tell the other servers; one that cannot be told finds out by itself."""
        sent = (link.send(stop, timeout_s=STOP_S) for link in self._links)
        await asyncio.gather(*sent, return_exceptions=True)
