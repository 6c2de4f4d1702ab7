"""What parties ask of an active run at one aggregator, and what each is answered."""

import abc
import asyncio
from collections import Counter
from typing import Final

from aggregator.masking.aggregator import NO_HEAD, MaskingAggregator
from aggregator.masking.collection import seed_of
from aggregator.masking.service.inbox import Inbox
from aggregator.masking.service.peer import PeerChannel
from aggregator.release.ledger import Ledger
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.errors import (
    LpmError,
    NotEnrolled,
    RecordsDiffer,
    RoundAhead,
    RoundClosed,
    RunEnded,
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
    OpeningShare,
    RangeVerdict,
    ReturnNotice,
    RunMessage,
    SeedNotice,
    StepNotice,
    Stop,
    WordsNotice,
)
from protocols.masking.plans.run_plan import RunPlan
from protocols.task.parties import ENGINE
from protocols.task.timeouts import Deadlines
from protocols.wire import codec
from protocols.wire.masked_link import MaskedLink
from protocols.wire.messages import Join, JoinReply, MaskedCall, MaskedReply

SEED_AHEAD: Final = 2  # rounds until a seed serves that came when a step had begun
OF_CLIENTS: Final = (SeedNotice, WordsNotice, StepNotice, Stop)
OF_AGGREGATORS: Final = (
    *(KeyCommitment, KeyContribution, Offer, Closing, RangeVerdict, LevelShare, CountShare, OpeningShare),
)
OF_SERVERS: Final = (*OF_CLIENTS, *OF_AGGREGATORS, ReturnNotice)
MOST_RETURNS: Final = 64  # of the other aggregator in a run
Replies = dict[str, SignedMessage]


class RunCalls(abc.ABC):
    """The calls of one active run, by the round that is in hand.

    Security: a caller is handed the reply that is its own, and no other. When the other aggregator comes back, it is
        sent what it was sent before, and nothing else.
    """

    def __init__(self, plan: RunPlan, *, peer: MaskedLink, dealer: MaskedLink, ledger: Ledger | None) -> None:
        """Begin before the first round."""
        self.plan, self.schedule = plan, plan.manifest.schedule
        self._waits: Deadlines = plan.manifest
        self._dealer, self._ledger = dealer, ledger
        self._party: MaskingAggregator | None = None
        self._refusal = ""
        self._inbox, self._over = Inbox(), asyncio.Event()
        self._peer = PeerChannel(peer, self._inbox, self._abandon)
        self._number, self._begun, self._closing = FIRST_ROUND, False, False
        self._replies: dict[int, Replies] = {}
        self._bytes: Counter[str] = Counter()
        self._joined: set[str] = set()
        self._restarted: set[str] = set()  # have joined again, and answer nothing before their next seed
        self._revoked: set[str] = set()
        self._returns = 0
        self._called: set[str] = set()  # have themselves sent this process their words of the round in hand

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
        if caller in (ENGINE, *self.plan.aggregators):
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
        if isinstance(message, ReturnNotice) and envelope.sender == other:
            self._take_back(party, message)
            return MaskedReply(None)
        if caller == other and isinstance(message, OF_CLIENTS):
            if message.number == self._number and not self._closing:
                self._receive(party, envelope, handed=True)
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

    def _require_party(self) -> MaskingAggregator:
        if self._party is None:
            raise RunEnded(self._refusal)
        self._party.require_running()
        return self._party

    def _other(self, party: MaskingAggregator) -> str:
        return party.plan.aggregators[1 - party.index]

    def _join(self, client: str, message: Join) -> JoinReply:
        if client not in self.plan.names:
            raise NotEnrolled(f"the manifest lists no client {client}; ask the run's operator to enrol it")
        if message.key:
            raise WrongLength(f"got a key of {len(message.key)} bytes; clients of an active run seal a seed")
        schedule, begins = self.schedule, self._number == FIRST_ROUND
        step = schedule.step(RoundNumber(self._number + (schedule.outcome or begins)))  # whose first round is not over
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
        number, rounds = message.number, self.schedule.rounds
        if isinstance(message, WordsNotice):
            self._take_call(caller, RoundNumber(number))
        ahead = SEED_AHEAD if isinstance(message, SeedNotice) else 1  # a simulation's engine speaks every second round
        while self._number < number <= min(self._number + ahead, rounds - 1):
            await self._over.wait()
            party.require_running()
        if number > self._number or number >= rounds:
            raise RoundAhead(f"got a message of round {number} in round {self._number}")
        if number == self._number:
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

    def _take_call(self, client: str, number: RoundNumber) -> None:
        """Note which round a client says that it is in; it is in no later one than both aggregators that told it so.

        Raises:
            RunEnded: it says that it is: this aggregator has told it what it knows no longer, or the client lies.
        """
        if number > self._number:
            self._fail(
                RecordsDiffer(
                    f"{client} says that it is in round {number}, and this aggregator is in round {self._number}: "
                    "either its store was put back, or the client lies; the run stops here"
                )
            )
            self._require_party()
        if number == self._number:
            self._called.add(client)
            self._inbox.notify()

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

    def _take_back(self, party: MaskingAggregator, message: ReturnNotice) -> None:
        """Send the other aggregator, which comes back, what it was sent since the round that it goes on with."""
        number = RoundNumber(message.number)
        own = NO_HEAD if number > self._number else self._head(number)
        self._returns += 1
        try:
            if abs(number - self._number) > 1 or own not in (NO_HEAD, message.head):
                raise RecordsDiffer(
                    f"the other aggregator comes back in round {number}, and this one is in round {self._number}: what "
                    "they have written down differs; the run stops here"
                )
            if self._returns > MOST_RETURNS:
                raise RunEnded(f"the other aggregator came back {MOST_RETURNS} times; the run stops here")
        except LpmError as error:
            self._fail(error)
            raise
        self._peer.post_again(self._peer.messages_since(number), timeout_s=self._patience_s)

    def _head(self, number: RoundNumber) -> bytes:
        return NO_HEAD if self._ledger is None else self._ledger.head(number) or NO_HEAD

    def _receive(self, party: MaskingAggregator, envelope: SignedMessage, *, handed: bool = False) -> None:
        try:
            party.receive(envelope, handed=handed)
        except LpmError as error:
            self._fail(error)
            party.require_running()
        self._begun = True
        self._inbox.notify()

    @abc.abstractmethod
    def _begin(self) -> None:
        """Begin to play the rounds, once."""

    @property
    @abc.abstractmethod
    def _patience_s(self) -> float:
        """Return how long another server may take for what the round needs of it."""

    @abc.abstractmethod
    def _stop(self, party: MaskingAggregator, envelope: SignedMessage) -> None:
        """Take in that a party has stopped."""

    @abc.abstractmethod
    def _fail(self, error: LpmError) -> None:
        """End the run, once."""

    @abc.abstractmethod
    def _abandon(self, error: LpmError) -> None:
        """End the run because what was posted did not arrive."""
