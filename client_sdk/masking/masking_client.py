"""A client of a masked run, as steps that return messages and take replies; nothing is sent here."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
import numpy as np
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey

from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import PartiesDisagree, RecordsDiffer, WrongLength
from protocols.identity.attachment import PartHashes
from protocols.masking import range_proof
from protocols.masking.envelope import SignedMessage, encode, read
from protocols.masking.messages import AttendanceNotice, ClientReply, WordsNotice, from_bytes, to_bytes
from protocols.masking.party import MaskingParty, digest_of
from protocols.masking.plans.attendance import Attendance
from protocols.masking.plans.run_plan import RunPlan
from protocols.masking.seed import SealedSeed
from protocols.masking.transcript import Transcript
from protocols.masking.words import pack, residue, to_integers
from protocols.task.parties import ENGINE

NOTHING: Final = np.zeros(0, dtype=np.int64)
JOINED: Final = "joined"  # entries of the journal: that a seed may have gone out,
SEED: Final = "seed"  # and, numbered, that one was drawn,
WORDS: Final = "words"  # which message went out in a round,
COUNTED: Final = "counted"  # and which one aggregators have said that counted


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a round told a client, or the engine.

    Attributes:
        outcomes: int64[n_own, o], the bit or the sum of each, or int64[n_own, c], exposures; empty where none are told.
        release: int64[cells + q], or empty.
        announcement: int64[cells + e], public, or empty.
        accepted: whose words counted.
        refused: whose words were out of range, for good.
    """

    outcomes: I64 = field(repr=False)
    release: I64
    announcement: I64
    accepted: tuple[str, ...]
    refused: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes that a journal keeps; they are those of few numbers, most of them 0."""
        parts = (self.outcomes, self.release, self.announcement)
        return zlib.compress(msgspec.msgpack.encode((*(each.tobytes() for each in parts), self.accepted)), level=1)

    @classmethod
    def decode(cls, content: bytes, *, outcomes: int) -> "Reading":
        """Read what `encode` wrote."""
        kept = msgspec.msgpack.decode(zlib.decompress(content), type=tuple[bytes, bytes, bytes, tuple[str, ...]])
        own, release, announcement = (np.frombuffer(each, dtype=np.int64) for each in kept[:3])
        return cls(own.reshape(own.size // max(outcomes, 1), outcomes), release, announcement, kept[3])


def read_replies(
    plan: RunPlan, replies: tuple[SignedMessage, SignedMessage], *, keys: Mapping[str, bytes], name: str
) -> tuple[ClientReply, ClientReply]:
    """Return what both aggregators told one party, alike but for the shares of its answers.

    Raises:
        PartiesDisagree: they told different things, or to somebody else.
    """
    first, second = (read(reply, ClientReply, keys=keys, run=plan.run) for reply in replies)
    senders = tuple(reply.sender for reply in replies)
    public = {
        (each.client, each.number, each.accepted, each.refused, each.announcement, each.release, len(each.answers))
        for each in (first, second)
    }
    if senders != plan.aggregators or len(public) != 1 or first.client != name:
        raise PartiesDisagree(f"the aggregators told {name} different things about a round; the run stops here")
    return first, second


@final
@dataclass(slots=True, eq=False)
class MaskingClient(MaskingParty):
    """One client of a run.

    Attributes:
        dealer: the key that its seeds are sealed to.
        seed: what it and the dealer expand.
        attendance: the rounds in which its words counted, as far as it knows.

    Security: both aggregators see the same uniform words, the dealer none. A reply that a server has changed ends the
        run, whatever the bit. Every start draws a seed, with a counter that stands in the journal before the seed goes
        out: no pad masks two words, whatever is started twice, copied or put back.
    """

    dealer: MLKEM768X25519PublicKey = field(kw_only=True, repr=False)
    seed: SealedSeed = field(init=False, repr=False)
    attendance: Attendance = field(init=False, repr=False)
    _counted: tuple[tuple[int, bytes], ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        """Begin the run, or go on with it."""
        MaskingParty.__post_init__(self)
        self.attendance = Attendance(self.plan)
        self.renew(FIRST_ROUND)

    @property
    def has_joined(self) -> bool:
        """Tell whether a seed of this client may have gone out before, in this process or another."""
        return self.journal.entry(JOINED) is not None

    @property
    def is_over(self) -> bool:
        """Tell whether the journal has the answer of every round."""
        return all(self.journal.entry(f"answer {number}") for number in range(self.plan.manifest.schedule.rounds))

    @property
    def last_sent(self) -> RoundNumber | None:
        """Return the last round in which words may have gone out."""
        schedule = self.plan.manifest.schedule
        sent = (number for number in reversed(range(schedule.rounds)) if self.journal.entry(f"vector {number}"))
        return next(map(RoundNumber, sent), None)

    def renew(self, number: RoundNumber) -> None:
        """Draw another seed, which serves from a round on."""
        counter = self.journal.count(SEED) + 1
        self.seed = SealedSeed.draw(self.plan.run, self.signer.name, self.dealer, counter=counter, number=number)
        self.journal.record(f"{SEED} {counter}", digest_of(encode(self.seed.notice)))

    def join(self) -> SignedMessage:
        """Return the sealed seed, for both aggregators."""
        self.journal.record(JOINED, self.plan.run)
        return self.signer.send(self.seed.notice)

    def attend(self, number: RoundNumber, replies: tuple[SignedMessage, SignedMessage]) -> I64:
        """Take in in which rounds before one this client's words counted, and return all public numbers until then.

        Raises:
            PartiesDisagree: the aggregators told different things; the run ends, for all.
        """
        with self.guard():
            first, second = (self.read(reply, AttendanceNotice) for reply in replies)
            senders = tuple(reply.sender for reply in replies)
            told = first.client, first.number
            if senders != self.plan.aggregators or first != second or told != (self.signer.name, number):
                raise PartiesDisagree("the aggregators told a client that comes back two things; the run stops here")
            self.attendance = Attendance(self.plan)
            self._counted = first.counted
            for counted, _ in first.counted:
                self.attendance.take(RoundNumber(counted), (self.signer.name,))
            return from_bytes(first.public).view(np.int64)

    def require_whole(self) -> None:
        """Refuse to go on from a journal that lacks what the aggregators have counted of this client's messages.

        Raises:
            RecordsDiffer: it was put back, or another copy of it has taken part.
        """
        if any(self.journal.entry(f"{WORDS} {each}") != digest for each, digest in self._counted):
            raise RecordsDiffer(
                "what this client has kept of the run is not what it has told: its folder was put back, or a copy of "
                "it has taken part; this one sits the run out"
            )
        self.journal.record_all({f"{COUNTED} {each}": digest for each, digest in self._counted})

    def recall_attendance(self) -> None:
        """Take in from the journal which own words counted, whether their answers came or not."""
        for number in map(RoundNumber, range(self.plan.manifest.schedule.rounds)):
            if self.journal.entry(f"{COUNTED} {number}") is not None:
                self.attendance.take(number, (self.signer.name,))

    def message(self, number: RoundNumber, x: U64) -> SignedMessage:
        """Return what goes to both aggregators, the same bytes whenever a round is sent again.

        Args:
            number: of the round.
            x: uint64, this client's words in the clear, as the layout has them.

        Raises:
            ConflictingReplay: other words were sent in this round before.
            RunEnded: the run is over.
            RunExpired: the time for which its manifest is valid is.
        """
        self.require_running()
        self.require_current()
        plan, source, name = self.plan, self.seed.source, self.signer.name
        if x.shape != (plan.count(name, number),):
            raise WrongLength(f"got {x.size} words for round {number}; the layout has {plan.count(name, number)}")
        shape = plan.shape(name, number, steps=self.attendance.steps(name, number))
        pads = source.pads(number, x.size)
        d = residue(x + pads)
        own, hiding = plan.words_to_check(x, name, number), plan.pads_to_check(pads, name, number)
        masks, e, told = range_proof.mask(source, number, shape, x=own, d=residue(own + hiding), pads=hiding)
        blank = WordsNotice(run=plan.run, number=number, client=name, counter=source.counter)
        notice = msgspec.structs.replace(blank, d=to_bytes(d), e=pack(e, shape.width + 1), numbers=to_bytes(told))
        hashes = PartHashes()
        nonce = self.signer.nonce(blank.context + notice.hashes(hashes))
        transcript = Transcript(blank.context, nonce, notice.hashes(hashes))
        rows = range_proof.prove(source, number, shape, transcript=transcript, masks=masks, e=e, told=told)
        notice = msgspec.structs.replace(notice, rows=to_bytes(rows))
        before = {f"vector {number}": digest_of(x.tobytes())}
        return self.send(notice, name=WORDS, nonce=nonce, hashes=hashes, before=before)

    def open(self, number: RoundNumber, replies: tuple[SignedMessage, SignedMessage]) -> Reading:
        """Return what both aggregators told of a round.

        Raises:
            PartiesDisagree: they told different things or sums, or a bit that is none; the run ends, for all.
            RunEnded: the run is over.
        """
        with self.guard():
            first, second = read_replies(self.plan, replies, keys=self.keys, name=self.signer.name)
            shape = len(self.plan.reveals(number)), self.plan.layout.size(self.signer.name)
            told, other = from_bytes(first.answers), from_bytes(second.answers)
            if first.number != number or told.size != math.prod(shape):
                raise PartiesDisagree(f"the aggregators answered round {number} with another round or size")
            own = self._open_answers(number, told.reshape(shape), other.reshape(shape))
            reading = reading_of(self.plan, first, own)
            if self.signer.name in first.accepted:
                self.attendance.take(number, (self.signer.name,))
            self.journal.record_all({f"answer {number}": reading.encode()}, sync=False)
            return reading

    def recall(self, number: RoundNumber, x: U64) -> Reading | None:
        """Return what the journal has of a round that is over; None of one whose answer did not come.

        Raises:
            ConflictingReplay: other words were sent in this round: this client's files are others than they were.
        """
        if self.journal.entry(f"vector {number}") is not None:
            self.journal.record(f"vector {number}", digest_of(x.tobytes()))
        kept = self.journal.entry(f"answer {number}")
        return None if kept is None else Reading.decode(kept, outcomes=len(self.plan.reveals(number)))

    def _open_answers(self, number: RoundNumber, told: U64, other: U64) -> I64:
        """Return own agents' bits and sums, int64[n_own, o], from what both aggregators told, uint64[o, n_own]."""
        source, opened = self.seed.source, np.zeros(told.shape, dtype=np.int64)
        count = told.shape[1]
        for row, is_bit in enumerate(self.plan.reveals(number)):
            if not is_bit:
                opened[row] = _sums(told[row], other[row], source.sums(number, count, outcome=row))
            elif self.plan.opens_bits:
                opened[row] = _masked_bits(told[row], other[row], source.bits(number, count, outcome=row))
            else:
                opened[row] = _bits(told[row], other[row], source.labels(number, count, outcome=row))
        return opened.T


def _masked_bits(told: U64, other: U64, masks: U64) -> I64:
    """Return the bits under masks, which both aggregators know masked and tell alike.

    Raises:
        PartiesDisagree: they differ, or one is no bit: a server lied, and this comes of it whatever the bit is.
    """
    if not np.array_equal(told, other) or np.any(told > 1):
        raise PartiesDisagree("the aggregators told two bits of one agent, or none; the run stops here")
    return (told ^ masks).astype(np.int64)


def _bits(told: U64, other: U64, expected: U64) -> I64:
    """Return 1 where what both told XORs to the label, and 0 where it does to 0.

    Raises:
        PartiesDisagree: anything else stands somewhere: a server lied, and this comes of it whatever the bit is.
    """
    labels = told ^ other
    is_one = labels == expected
    if not np.all(is_one | (labels == 0)):
        raise PartiesDisagree("an answer is neither of the two that there are; the run stops here")
    bits: I64 = is_one.astype(np.int64)
    return bits


def _sums(told: U64, other: U64, masks: U64) -> I64:
    """Return the sums under masks, which both aggregators know masked and tell alike.

    Raises:
        PartiesDisagree: they differ: a server lied, and this comes of it whatever the sum is.
    """
    if not np.array_equal(told, other):
        raise PartiesDisagree("the aggregators told two sums of one agent; the run stops here")
    return to_integers(residue(masks - told))


def reading_of(plan: RunPlan, reply: ClientReply, own: I64) -> Reading:
    """Return what a reply tells beside own agents' outcomes.

    Raises:
        PartiesDisagree, WireError: its sizes are not those of the layout.
        OutOfRange: a public number is not in its range.
    """
    number = RoundNumber(reply.number)
    opens = plan.opens(number)
    release, announced = to_integers(from_bytes(reply.release)), from_bytes(reply.announcement).view(np.int64)
    if release.size != (plan.layout.release_words if opens else 0):
        raise PartiesDisagree("the aggregators told a release of another size; the run stops here")
    plan.public_numbers(number, announced)
    synthetic = announced if announced.size else np.zeros(plan.layout.cells if opens else 0, dtype=np.int64)
    return Reading(own, release, synthetic, reply.accepted, reply.refused)


def read_release(plan: RunPlan, replies: tuple[SignedMessage, SignedMessage], *, keys: Mapping[str, bytes]) -> Reading:
    """Return what both aggregators told the engine of a step.

    Raises:
        PartiesDisagree: they told different things.
    """
    first, _ = read_replies(plan, replies, keys=keys, name=ENGINE)
    return reading_of(plan, first, NOTHING)
