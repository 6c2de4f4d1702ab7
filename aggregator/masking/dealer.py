"""The dealer of a masked run: it expands pads, and answers what both aggregators ask alike, once."""

import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
import numpy as np

from aggregator.masking.carry import bit_opening
from aggregator.masking.carry.share import CarryShare, deal_carry
from aggregator.masking.comparison import deal_comparison, encode_shares
from aggregator.masking.comparison_key import NodeHash
from aggregator.masking.members.seed_register import SeedRegister
from aggregator.masking.noise import ReleaseSpending, noise_of
from aggregator.masking.preparation import prepare
from aggregator.masking.product import deal_products
from aggregator.masking.round_state import DealerCheckpoint, QuestionPair, QuestionState
from aggregator.masking.sums import MaskedSums
from aggregator.masking.suppression import CountRule, deal_suppression
from aggregator.masking.trees.key_memory import KeyMemory
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import CohortTooSmall, LpmError, NotEnrolled, RecordsDiffer, ResultsDiffer, RoundAhead
from protocols.identity.sealing_key import SealingKey
from protocols.masking.envelope import SignedMessage, encode
from protocols.masking.folding import ProofShape
from protocols.masking.messages import (
    BitQuestion,
    ClientAnswer,
    ClientQuestion,
    OpeningQuestion,
    ProofAnswer,
    ProofQuestion,
    ReleaseAnswer,
    ReleaseQuestion,
    SeedNotice,
    from_bytes,
    to_bytes,
)
from protocols.masking.pads import PadPurpose, PadSource
from protocols.masking.party import MaskingParty, digest_of
from protocols.masking.plans.attendance import Attendance
from protocols.masking.range_proof import ProofSide, bit_pads, parts_of, streams_of
from protocols.masking.words import residue, stream_of
from protocols.quantity import quantity

Replies = tuple[SignedMessage, ...]  # to each aggregator in their order; none where they have asked two things
Questions = ProofQuestion | ReleaseQuestion | OpeningQuestion | BitQuestion
KINDS: Final = (ProofQuestion, ReleaseQuestion, OpeningQuestion, BitQuestion)  # in their order in a round
SAVE_STEPS: Final = 8  # between what a restart goes on from: it takes in the questions since then once more


@final
@dataclass(slots=True, eq=False)
class MaskingDealer(MaskingParty):
    """The third operator.

    Security: it sees hashes, names and challenges, never words, nor a signature over words. It answers a question only
        if both aggregators ask it, and each round's only once: two answers would be two equations of one client's
        bits, or two sums under one noise. What it deals, and its noise, are of a key of its own and of all questions
        by then: started again it tells the same, and had it been asked another one before, nothing is dealt twice.
    """

    sealing: SealingKey = field(kw_only=True, repr=False)
    _key: bytes = field(init=False, repr=False)
    _asked: bytes = field(init=False, repr=False, default=b"")  # the hash of all questions that were answered
    _seeds: SeedRegister = field(init=False, repr=False)
    _members: tuple[str, ...] = field(init=False)
    _attendance: Attendance = field(init=False, repr=False)
    _sums: MaskedSums = field(init=False, repr=False)
    _spending: ReleaseSpending = field(init=False, repr=False)
    _node_key: bytes = field(init=False, repr=False)
    _memory: KeyMemory = field(init=False, repr=False, default_factory=KeyMemory)
    _pair: QuestionPair = field(init=False, repr=False)
    _answered: dict[bytes, Replies] = field(init=False, repr=False, default_factory=dict)
    _opened: U64 | None = field(init=False, repr=False, default=None)
    _trees: tuple[CarryShare, CarryShare, U64] | None = field(init=False, repr=False, default=None)
    _next: tuple[RoundNumber, int] = field(init=False, default=(FIRST_ROUND, 0))  # and the kind's place

    def __post_init__(self) -> None:
        """Begin the run, or go on with it."""
        MaskingParty.__post_init__(self)
        prepare(self.plan)
        self._seeds = SeedRegister(self.sealing, self.journal)
        self._members, self._sums, self._spending = self.plan.names, MaskedSums(self.plan), ReleaseSpending(self.plan)
        self._attendance, self._pair = Attendance(self.plan), QuestionPair(len(self.plan.aggregators))
        self._key = self.journal.once("dealer key", KEY_BYTES)
        self._node_key = hmac.digest(self._key, b"lpm node key", "sha256")
        self._recall()

    def _go_on(self, checkpoint: DealerCheckpoint) -> None:
        """Go on with a checkpoint.

        Raises:
            RecordsDiffer: the journal is older.
        """
        if self.journal.entry(_name(checkpoint.number - 1, ProofQuestion)) is None:
            raise RecordsDiffer("the journal of this dealer is older than what it goes on with; the run is over")
        self._next, self._asked = (checkpoint.number, 0), checkpoint.asked
        self._seeds.counters, self._members = dict(checkpoint.counters), checkpoint.members
        self._seeds.sources = {
            client: PadSource(seed, self.plan.run, client, counter)
            for client, (counter, seed) in checkpoint.seeds.items()
        }
        for client, numbers in checkpoint.counted.items():
            for number in numbers:
                self._attendance.take(RoundNumber(number), (client,))
        self._sums.restore(checkpoint.levels)
        self._opened = None if checkpoint.opened is None else from_bytes(checkpoint.opened)
        for number in map(RoundNumber, range(checkpoint.number)):
            if self.plan.opens(number):
                self._spending.charge(number)

    def _save(self, number: RoundNumber) -> None:
        """Put on disk what a restart goes on with, from a round on in which both aggregators begin a step."""
        checkpoint = DealerCheckpoint(
            number=number,
            asked=self._asked,
            counters=self._seeds.counters,
            seeds={client: (each.counter, each.seed) for client, each in self._seeds.sources.items()},
            members=self._members,
            counted={client: self._attendance.rounds_of(client, number) for client in self.plan.names},
            levels=self._sums.encode(),
            opened=None if self._opened is None else to_bytes(self._opened),
        )
        self.journal.save_checkpoint(encode(checkpoint))

    @property
    def is_done(self) -> bool:
        """Tell whether it has answered all that there is to ask."""
        return self._next[0] >= self._rounds

    def _recall(self) -> None:
        """Go on from the checkpoint, with the questions since; the last step's are answered as they were."""
        if kept := self.journal.checkpoint:
            self._go_on(msgspec.msgpack.decode(kept, type=DealerCheckpoint))
        names = (_name(number, kind) for number in range(self._next[0], self._rounds) for kind in KINDS)
        contents = [content for name in names if (content := self.journal.entry(name)) is not None]
        asked = [msgspec.msgpack.decode(content, type=Questions) for content in contents]
        starts = [place for place, each in enumerate(asked) if self._is_first(each)]
        with suppress(LpmError), self.guard():  # the last one may have ended the run
            for place, (question, content) in enumerate(zip(asked, contents, strict=True)):
                self._take(question, content, tells=place >= max(starts))

    @property
    def _rounds(self) -> int:
        return self.plan.manifest.schedule.rounds

    def _is_first(self, question: Questions) -> bool:
        """Tell whether both have done with all that was answered before: neither asks it again.

        What a decision begins from they do, if they are started again in it.
        """
        goes_on = question.number > FIRST_ROUND and self.plan.compares(RoundNumber(question.number - 1))
        return isinstance(question, ProofQuestion) and not goes_on

    def ask(self, envelope: SignedMessage) -> Replies | None:
        """Take in one aggregator's question; once both have asked, return what each is answered.

        What nobody may ask, or what its sender did not sign, is refused and changes nothing.

        Raises:
            NotEnrolled: no aggregator asks.
            ResultsDiffer, RoundAhead: they ask two things again, or what is not to be asked; the run is over.
            RunEnded: the run is over, or the disk takes no more, now and when it is asked again.
        """
        if envelope.sender not in self.plan.aggregators:
            raise NotEnrolled(f"{envelope.sender} asked the dealer, and only aggregators do")
        question = self.read(envelope, *KINDS)
        with self.guard():
            digest = digest_of(envelope.content)
            if digest in self._answered:
                return self._answered[digest]
            if not isinstance(question, Questions):
                raise ResultsDiffer("the dealer was asked what it does not answer; the run stops here")
            self._require_next(question)
            asked = self._pair.take(envelope, early=isinstance(question, ProofQuestion))
            if asked != QuestionState.ALIKE:
                return () if asked == QuestionState.DIFFERENTLY else None
            number = RoundNumber(question.number)
            if number and self._is_first(question) and self.plan.manifest.schedule.step(number) % SAVE_STEPS == 0:
                self._save(number)
            self.journal.record_all({_name(number, type(question)): envelope.content}, sync=False)
            written = self.journal.sync()  # while the answer is computed, which follows from it
            self._take(question, envelope.content)
            written.result()
            return self._answered[digest]

    def _require_next(self, question: Questions) -> None:
        """Refuse a question out of its turn."""
        if (question.number, KINDS.index(type(question))) != self._next:
            raise RoundAhead(f"a question of round {question.number} came out of its turn; the run stops here")

    def _take(self, question: Questions, content: bytes, *, tells: bool = True) -> None:
        """Take in a question that both have asked, and hold the answer ready, unless nobody asks for it any more."""
        number, digest = RoundNumber(question.number), digest_of(content)
        self._asked = digest_of(self._asked, digest)
        if self._is_first(question) or (isinstance(question, ProofQuestion) and self.plan.takes_openings(number)):
            self._answered = {}  # shares of a tree are told no more once they may be opened: not to a store put back
        if isinstance(question, ProofQuestion):
            told = self._answer_proofs(question, number, tells=tells)
            if told is not None:
                envelope = self.send(told, name="proofs", sync=False)
                self._answered[digest] = envelope, envelope
        elif isinstance(question, ReleaseQuestion):
            words = self._take_release(question, number)
            if tells:
                self._answered[digest] = self._answer_release(number, words)
        elif tells:
            self._answered[digest] = self._answer_openings(question)
        asked = (True, self.plan.opens(number), *2 * [self.plan.takes_openings(number)])
        later = [place for place in range(KINDS.index(type(question)) + 1, len(KINDS)) if asked[place]]
        self._next = (number, later[0]) if later else (RoundNumber(number + 1), 0)

    def _answer_openings(self, question: OpeningQuestion | BitQuestion) -> Replies:
        """Return to each aggregator the part of the other's proof, of what was dealt last; or to both the masks."""
        if self._trees is None:
            raise RoundAhead("openings are asked about of which nothing was dealt; the run stops here")
        answers = enumerate(bit_opening.answer(self._trees, question, run=self.plan.run))
        self._trees = None if isinstance(question, BitQuestion) else self._trees  # which is the last question of them
        return tuple(self.send_all({f"{type(question).__name__} {index}": each for index, each in answers}).values())

    def _draw(self, purpose: bytes) -> Callable[[int], U64]:
        return stream_of(hmac.digest(self._key, b"lpm deal " + self._asked + purpose, "sha256"))

    def _answer_proofs(self, question: ProofQuestion, number: RoundNumber, *, tells: bool) -> ProofAnswer | None:
        """Return the parts of all proofs, if anybody is told. Who is no member comes back by a fresh seed alone."""
        fresh = self._take_seeds(question)
        clients = tuple(each.client for each in question.clients)
        if len(set(clients)) != len(clients) or not set(clients) <= {*self._members, *fresh}:
            raise ResultsDiffer("a question names a client twice, or one that is out; the run stops here")
        asked = [each for each in question.clients if each.client in self._seeds.sources]
        self._members = tuple(each.client for each in asked)
        for each in asked:
            if each.counter != self._seeds.sources[each.client].counter:
                raise ResultsDiffer("a question names another seed than the client's; the run stops here")
        parts = parts_of([self._side(each, number) for each in asked]) if tells else []
        self._take_own(number)
        self._attendance.take(number, self._members)
        if not tells:
            return None
        answers = tuple(
            ClientAnswer(client, part.element, part.claim) for client, part in zip(self._members, parts, strict=True)
        )
        return ProofAnswer(run=self.plan.run, number=number, clients=answers)

    def _take_seeds(self, question: ProofQuestion) -> set[str]:
        """Take in seeds that serve from this round on, and return whose they are."""
        number = RoundNumber(question.number)
        if question.seeds and not self.plan.takes_seeds(number):
            raise RoundAhead("a seed came in the middle of a step, and serves from the beginning of one alone")
        return self._seeds.take(((each, self.read(each, SeedNotice)) for each in question.seeds), number)

    def expand_ahead(self) -> None:
        """Expand what the next round's proofs are masked by, before it is asked; a fresh seed makes it void.

        Nothing of it depends on a question, and none of it is told: of another seed, it is expanded when that is asked.
        """
        number = self._next[0]
        if self.plan.is_short and not (self.ending or self.is_done):
            for client in self._members:
                counts = {PadPurpose.WORDS: self.plan.count(client, number)}
                self._seeds.sources[client].expand_ahead(number, counts | streams_of(self._shape(client, number)))

    def _side(self, question: ClientQuestion, number: RoundNumber) -> ProofSide:
        source, client = self._seeds.sources[question.client], question.client
        pads, shape = self.plan.pads_to_check(self._pads(client, number), client, number), self._shape(client, number)
        return ProofSide.of_dealer(source, number, shape, pads=pads, question=question.question)

    def _shape(self, client: str, number: RoundNumber) -> ProofShape:
        return self.plan.shape(client, number, steps=self._attendance.steps(client, number))

    def _pads(self, client: str, number: RoundNumber) -> U64:
        return self._seeds.sources[client].pads(number, self.plan.count(client, number))

    def _take_own(self, number: RoundNumber) -> None:
        """Take in pads of thresholds and own levels; who turns out to be out of range is out for good."""
        if not self.plan.opens(number):
            self._sums.take(number, {client: self._pads(client, number) for client in self._members}, self._opened)

    def _take_release(self, question: ReleaseQuestion, number: RoundNumber) -> dict[str, U64]:
        """Take in whom a release counts, and return their pads; those of the products that come next are drawn."""
        if not set(question.accepted) <= set(self._members):
            raise ResultsDiffer("a release counts a client whose proof was not asked; the run stops here")
        rule = self.plan.release_plan.cohort
        if (count := rule.size(question.accepted)) < rule.least:
            raise CohortTooSmall(f"a release is over {quantity(count, 'client')}; the manifest promises {rule.least}")
        self._spending.charge(number)
        self._members = question.accepted
        words = {client: self._pads(client, number) for client in self._members}
        self._sums.take(number, words)
        if self.plan.compares(number) and self.plan.products:
            self._opened = residue(self._draw_opened()[:, 0])
        return words

    def _draw_opened(self) -> U64:
        return self._draw(b"opened")(2 * self._sums.factors().size).reshape(-1, 2)

    def _answer_release(self, number: RoundNumber, words: Mapping[str, U64]) -> Replies:
        """Return pads of what is released, and keys of the comparison that comes next."""
        noise = noise_of(self.plan, self._key, number, self._asked)
        pads = residue(self._sums.release(words) - noise.view(np.uint64))
        counts: tuple[tuple[memoryview, ...], ...] = ((), ())
        if self.plan.suppresses(number):
            counts, pads = self._deal_counts(words, noise), pads[:0]  # pads would open what is small
        deals, decision = self.plan.compares(number), RoundNumber(number + 1)
        products = self._deal_products(decision) if deals and self.plan.products else ((), ())
        offsets, shares = self._deal(decision) if deals else (self._hide_exposures(number, words), ((), ()))
        answers = [
            ReleaseAnswer(
                run=self.plan.run,
                number=number,
                pads=to_bytes(pads),
                offsets=to_bytes(offsets),
                node_key=self._node_key,
                share=share,
                products=product,
                counts=count,
            )
            for share, product, count in zip(shares, products, counts, strict=True)
        ]
        named = {f"release {index}": each for index, each in enumerate(answers)}
        first, second = self.send_all(named, sync=False).values()
        return first, second

    def _deal_counts(self, words: Mapping[str, U64], noise: I64) -> tuple[tuple[memoryview, ...], ...]:
        """Return each aggregator's shares of what suppresses small counts."""
        rule, node_hash = CountRule.of(self.plan), NodeHash(self._node_key)
        counts = self._sums.counts(words)
        return deal_suppression(rule, counts, noise, node_hash=node_hash, draw=self._draw(b"counts"))

    def _deal(self, decision: RoundNumber) -> tuple[U64, tuple[tuple[memoryview, ...], tuple[memoryview, ...]]]:
        """Return offsets of the outcomes of a decision, uint64[o * n], and each aggregator's keys of comparisons."""
        own, bits = {client: self._pads(client, decision) for client in self._members}, list(self.plan.bits)
        r, r0 = self._sums.after(decision, own, self._opened).differences(), self._answers(decision)
        draw, compared = self._draw(b"comparison"), self.plan.difference_bits
        if self.plan.opens_bits:
            self._trees = deal_carry(r[bits].reshape(-1), r0[bits].reshape(-1) & np.uint64(1), bits=compared, draw=draw)
            encoded = self._trees[0].encode(), self._trees[1].encode()
        else:
            node_hash, labels = NodeHash(self._node_key), r0[bits].reshape(-1)
            dealt, shares = deal_comparison(labels, node_hash=node_hash, draw=draw, bits=compared, memory=self._memory)
            r0[bits], encoded = dealt.reshape(len(bits), self.plan.layout.n), encode_shares(shares)
        return (r - r0 & self.plan.offset_masks)[list(self.plan.offset_rows)].reshape(-1), encoded

    def _hide_exposures(self, number: RoundNumber, words: Mapping[str, U64]) -> U64:
        """Return r - r0 of each exposure that clients are told in a round, uint64[c * n], r0 being its mask."""
        return residue(self._sums.exposures(number, words) - self._answers(number)).reshape(-1)

    def _deal_products(self, decision: RoundNumber) -> tuple[tuple[memoryview, ...], tuple[memoryview, ...]]:
        """Return each aggregator's shares of a decision's products."""
        masks = {
            client: bit_pads(self._seeds.sources[client], decision, self._shape(client, decision))
            for client in self._members
        }
        pads = self._sums.factors()
        bits = self._sums.bits(decision, masks, inverse=False)
        factors, draw = np.stack([np.uint64(1) - bits, bits]), self._draw(b"products")
        first, second = deal_products(factors, pads, self._draw_opened(), draw=draw)
        return first.encode(), second.encode()

    def _answers(self, number: RoundNumber) -> U64:
        """Return the labels of bits and the masks of sums, uint64[o, n]; of clients that are out, fresh words."""
        layout, revealed = self.plan.layout, self.plan.reveals(number)
        answers = self._draw(b"answers")(len(revealed) * layout.n).reshape(len(revealed), layout.n)
        for client in self._members:
            source, (first, end) = self._seeds.sources[client], layout.own[client]
            for row, is_bit in enumerate(revealed):
                expand = (source.bits if self.plan.opens_bits else source.labels) if is_bit else source.sums
                answers[row, first:end] = expand(number, end - first, outcome=row)
        return answers


def _name(number: int, kind: type[Questions]) -> str:
    """Return the name under which a question stands in the journal."""
    return f"question {number} {kind.__name__}"
