"""What an aggregator hears in a round of clients and the engine, and what the other one lacks of it."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from aggregator.masking.collection import MOST_VERSIONS, Collection, Examination, examine, seed_of
from aggregator.masking.members.membership import Membership
from aggregator.masking.round_state import RoundStage, RoundState
from aggregator.masking.suppression import CountAgreement
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.errors import LpmError, ResultsDiffer
from protocols.masking.envelope import SignedMessage, encode
from protocols.masking.messages import Offer, SeedNotice, StepNotice, WordsNotice, from_bytes
from protocols.masking.party import digest_of
from protocols.task.parties import ENGINE

Offers = dict[str, tuple[bytes, ...]]


@dataclass(slots=True, eq=False)
class MessageUnion(CountAgreement, abc.ABC):
    """The messages of a round at one aggregator, until it is closed over all that either has heard.

    What it has heard stands in the journal before it says so: started again it waits for the same, and no round is
    closed over other words than before.
    """

    _membership: Membership = field(init=False, repr=False)
    _seeds: Collection = field(init=False, repr=False)
    _round: RoundState = field(init=False, repr=False)
    _offered: Offers | None = field(init=False, repr=False, default=None)  # since it was said, nothing else is heard

    def __post_init__(self) -> None:
        """Begin the run, or go on with it."""
        CountAgreement.__post_init__(self)
        self._membership = Membership(self.plan)
        self._begin_round(FIRST_ROUND)

    def _begin_round(self, number: RoundNumber) -> None:
        self._seeds, self._round = Collection(number), RoundState(Collection(number))
        offered = self.journal.entry(f"offered {number}")
        self._offered = None if offered is None else msgspec.msgpack.decode(offered, type=Offers)
        for client in self.plan.names:  # a client sends its seed once
            for place in range(MOST_VERSIONS):
                if (seed := self.journal.entry(f"heard seed {client} {number} {place}")) is not None:
                    self._seeds.add(client, msgspec.msgpack.decode(seed, type=SignedMessage))

    @property
    def number(self) -> RoundNumber:
        """Return the number of the round in hand."""
        return self._round.collection.number

    @property
    def members(self) -> tuple[str, ...]:
        """Return whose words counted in the last round; of all clients before the first one."""
        return self._membership.members

    @property
    def present(self) -> tuple[str, ...]:
        """Return who may take part, now or when it comes back."""
        return self._membership.present

    def receive(self, envelope: SignedMessage, *, handed: bool = False) -> None:
        """Take in a client's or the engine's message for the round in hand, from whomever it comes.

        One that its sender did not sign, that is of another round, or that comes after it was closed, changes nothing;
        nor does one that comes after this aggregator has said what it heard, but for what the other one hands on.
        """
        with self.guard():
            late = self._offered is not None and not any(envelope.digest in each for each in self._offered.values())
            if self._round.stage != RoundStage.OPEN or (late and not handed):
                return
            if envelope.sender == ENGINE:
                self._announce(envelope)
            else:
                self._collect(envelope)

    def _announce(self, envelope: SignedMessage) -> None:
        try:
            message = self.read(envelope, StepNotice)
        except LpmError:
            return
        if message.number != self.number:
            return
        if self._round.announcement is not None and self._round.announcement.digest != envelope.digest:
            raise ResultsDiffer("the engine announced two things of one step; the run stops here")
        announced = from_bytes(message.words).view(np.int64)
        self.plan.public_numbers(self.number, announced)
        self._round.announcement, self._round.announced = envelope, announced

    @property
    def public_numbers(self) -> dict[str, int]:
        """Return the environment's numbers of the round in hand, which everybody is told."""
        return self.plan.public_numbers(self.number, self._round.announced)

    def _collect(self, envelope: SignedMessage) -> None:
        try:
            message = self.read(envelope, SeedNotice, WordsNotice)
        except LpmError:
            return
        if not isinstance(message, SeedNotice | WordsNotice) or message.client != envelope.sender:
            return
        if message.number != self.number or not self._membership.may_send(message):
            return
        if isinstance(message, SeedNotice):
            self._seeds.add(message.client, envelope)
            self._write_seeds(message.client)
        else:
            self._round.collection.add(message.client, envelope)

    def _write_seeds(self, client: str) -> None:
        versions = enumerate(self._seeds.envelopes[client].values())
        entries = {f"heard seed {client} {self.number} {place}": encode(each) for place, each in versions}
        self.journal.record_all(entries, sync=False)

    def offer(self) -> Offers:
        """Return hashes of what this aggregator has heard, for the other."""
        with self.guard():
            return self._heard

    def propose(self) -> SignedMessage:
        """Return the offer, signed; it goes out when the journal is on disk."""
        if self._offered is None:
            self._offered = self.offer()
            offered = {f"offered {self.number}": msgspec.msgpack.encode(self._offered)}
            self.journal.record_all(offered, sync=False)
        return self.send(Offer(run=self.plan.run, number=self.number, hashes=self._offered), name="offer", sync=False)

    @property
    def has_offered(self) -> bool:
        """Tell whether this aggregator has said what it heard in the round, before a restart or since."""
        return self._offered is not None

    @property
    def offered(self) -> Offers | None:
        """Return what this aggregator has said that it heard in the round."""
        return self._offered

    @property
    def is_whole(self) -> bool:
        """Tell whether all is here that this aggregator has said it heard; after a restart it has to come again."""
        heard = self._heard
        return all({*digests} <= {*heard.get(name, ())} for name, digests in (self._offered or {}).items())

    @property
    def _heard(self) -> Offers:
        announced = self._round.announcement
        engine = {} if announced is None else {ENGINE: (announced.digest,)}
        seeds = {seed_of(client): versions for client, versions in self._seeds.offer().items()}
        return engine | self._round.collection.offer() | seeds

    @property
    def _names_heard(self) -> set[str]:
        seeds = map(seed_of, self._seeds.envelopes)
        return {*self.speakers, *seeds, *([] if self._round.announcement is None else [ENGINE])}

    @property
    def speakers(self) -> set[str]:
        """Return whose words of the round are here, from whomever they came."""
        return {*self._round.collection.envelopes}

    @property
    def words_heard(self) -> dict[str, SignedMessage]:
        """Return the words that were heard so far, by client."""
        return self._round.collection.single()

    def examine(self, heard: Mapping[str, SignedMessage]) -> None:
        """Examine words while the other's offer is under way; whose count is found out later."""
        examined = examine(self.plan, [self._received(envelope) for envelope in heard.values()])
        self._round.ahead = {heard[client].digest: each for client, each in examined.items()}

    def _received(self, envelope: SignedMessage) -> tuple[WordsNotice, SignedMessage, int]:
        notice = self.read(envelope, WordsNotice)
        return notice, envelope, self._membership.attendance.steps(notice.client, self.number)

    def _examine(self, heard: dict[str, SignedMessage], seeds: dict[str, SignedMessage]) -> dict[str, Examination]:
        ahead, examined, received, counting = self._round.ahead, dict[str, Examination](), [], []
        for client in filter(heard.__contains__, self.plan.names):
            seed = self.read(seeds[client], SeedNotice) if client in seeds else None
            if self._membership.counts(self.read(heard[client], WordsNotice), seed):
                counting.append(client)
                if (each := ahead.get(heard[client].digest)) is None:
                    received.append(self._received(heard[client]))
                else:
                    examined[client] = each
        examined |= examine(self.plan, received)
        return {client: examined[client] for client in counting if client in examined}

    def participants(self, offer: Offers) -> set[str]:
        """Return which clients this round waits for: those that are left, and those that come back in it."""
        heard = self._names_heard | offer.keys()
        return {*self.members, *(client for client in self._membership.present if seed_of(client) in heard)}

    def silent(self, offer: Offers) -> set[str]:
        """Return of whom neither this aggregator has heard in the round, nor the other by its offer."""
        seeds = (seed_of(client) for client in self.members if self.number == FIRST_ROUND)
        engine = [ENGINE] if self.plan.announces(self.number) else []
        return {*self.participants(offer), *seeds, *engine} - self._names_heard - offer.keys()

    def lacks(self, offer: Offers) -> bool:
        """Tell whether the other has to hand on something that the round waits for."""
        own, names = self.offer(), self._membership.senders(self.number)
        return any(
            len(own.get(name, ())) < MOST_VERSIONS and not {*offer[name]} <= {*own.get(name, ())}
            for name in names & offer.keys()
        )

    def lacking(self, offer: Offers) -> list[SignedMessage]:
        """Return what the other lacks of what this one has heard."""
        with self.guard():
            seeds = {client: offer.get(seed_of(client), ()) for client in self._seeds.envelopes}
            announced = self._round.announcement
            own = [] if announced is None or announced.digest in offer.get(ENGINE, ()) else [announced]
            return [*own, *self._round.collection.lacking(offer), *self._seeds.lacking(seeds)]

    def attend(self, client: str, number: RoundNumber) -> SignedMessage | None:
        """Return what a client that comes back in a round is told of those before; nothing where it is out for good."""
        with self.guard():
            told = self._membership.notice(client, number)
            return None if told is None else self.send(told, name=f"attendance {client}", sync=False)

    def has_counted(self, envelope: SignedMessage, message: WordsNotice) -> bool:
        """Tell whether this message of a client is the one that counted in its round, and no other in its name."""
        return self._membership.has_counted(envelope.sender, RoundNumber(message.number), envelope.digest)

    def _announcement_hash(self) -> bytes:
        announced = self._round.announcement
        return digest_of(b"") if announced is None else announced.digest
