"""The dealer of a masked run: it expands pads, and answers what both aggregators ask alike, once."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import final

import numpy as np

from aggregator.masking.comparison import deal_comparison, encode_shares
from aggregator.masking.comparison_key import NodeHash
from aggregator.masking.noise import ReleaseSpending, noise_of
from aggregator.masking.preparation import prepare
from aggregator.masking.product import deal_products
from aggregator.masking.sums import MaskedSums
from aggregator.masking.suppression import CountRule, deal_suppression
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import CohortTooSmall, NotEnrolled, NotSealed, ResultsDiffer, RoundAhead
from protocols.identity.sealing_key import SealingKey
from protocols.masking.envelope import SignedMessage
from protocols.masking.folding import ProofShape
from protocols.masking.messages import (
    ClientAnswer,
    ClientQuestion,
    ProofAnswer,
    ProofQuestion,
    ReleaseAnswer,
    ReleaseQuestion,
    SeedNotice,
    to_bytes,
)
from protocols.masking.pads import PadSource
from protocols.masking.party import MaskingParty, digest_of
from protocols.masking.plans.attendance import Attendance
from protocols.masking.range_proof import ProofSide, bit_pads, parts_of
from protocols.masking.seed import open_seed
from protocols.masking.words import expand, residue
from protocols.task.manifest import cohort

Replies = tuple[SignedMessage, SignedMessage]
Questions = ProofQuestion | ReleaseQuestion


def fresh_words(count: int) -> U64:
    """Return uint64[count] of the system's randomness, through a key that is used once."""
    return expand(os.urandom(KEY_BYTES), count)


@final
@dataclass(slots=True, eq=False)
class MaskingDealer(MaskingParty):
    """The third operator.

    Security: it sees hashes, names and challenges, never words, nor a signature over words. It answers a question only
        if both aggregators ask it, and each round's only once: two answers would be two equations of one client's
        bits, or two sums under one noise.
    """

    sealing: SealingKey = field(kw_only=True, repr=False)
    noise_key: bytes = field(kw_only=True, repr=False)
    _sources: dict[str, PadSource] = field(init=False, repr=False, default_factory=dict)
    _counters: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    _members: tuple[str, ...] = field(init=False)
    _attendance: Attendance = field(init=False, repr=False)
    _sums: MaskedSums = field(init=False, repr=False)
    _spending: ReleaseSpending = field(init=False, repr=False)
    _node_key: bytes = field(init=False, repr=False)
    _waiting: dict[str, SignedMessage] = field(init=False, repr=False, default_factory=dict)
    _answered: dict[bytes, Replies] = field(init=False, repr=False, default_factory=dict)
    _opened: U64 | None = field(init=False, repr=False, default=None)
    _next: tuple[RoundNumber, bool] = field(init=False, default=(FIRST_ROUND, False))

    def __post_init__(self) -> None:
        """Begin the run, once."""
        MaskingParty.__post_init__(self)
        prepare(self.plan)
        self._members, self._sums, self._spending = self.plan.names, MaskedSums(self.plan), ReleaseSpending(self.plan)
        self._attendance = Attendance(self.plan)
        self._node_key = os.urandom(KEY_BYTES)

    def ask(self, envelope: SignedMessage) -> Replies | None:
        """Take in one aggregator's question; once both have asked it, return what each is answered, in their order.

        What nobody may ask, or what its sender did not sign, is refused and changes nothing.

        Raises:
            NotEnrolled: no aggregator asks.
            ResultsDiffer, RoundAhead: they ask two things, or what is not to be asked; the run is over.
        """
        if envelope.sender not in self.plan.aggregators:
            raise NotEnrolled(f"{envelope.sender} asked the dealer, and only aggregators do")
        question = self.read(envelope, ProofQuestion, ReleaseQuestion)
        with self.guard():
            digest = digest_of(envelope.content)
            if digest in self._answered:
                return self._answered[digest]
            if not isinstance(question, ProofQuestion | ReleaseQuestion):
                raise ResultsDiffer("the dealer was asked what it does not answer; the run stops here")
            self._require_next(question)
            self._waiting[envelope.sender] = envelope
            if len({each.content for each in self._waiting.values()}) > 1:
                raise ResultsDiffer("the aggregators asked the dealer two things; the run stops here")
            if len(self._waiting) < len(self.plan.aggregators):
                return None
            self._waiting = {}
            name = f"question {question.number} {type(question).__name__}"
            self.journal.record_all({name: digest}, sync=False)  # with what answers it
            replies = self._answer(question, digest)
            self._answered = {digest: replies}  # the last one alone may be asked for again
            return replies

    def _require_next(self, question: Questions) -> None:
        """Refuse a question out of its turn."""
        if (question.number, isinstance(question, ReleaseQuestion)) != self._next:
            raise RoundAhead(f"a question of round {question.number} came out of its turn; the run stops here")

    def _answer(self, question: Questions, digest: bytes) -> Replies:
        number = RoundNumber(question.number)
        if isinstance(question, ProofQuestion):
            told = self._answer_proofs(question, number)
            self._next = (number, True) if self.plan.opens(number) else (RoundNumber(number + 1), False)
            envelope = self.send(told, name="proofs")
            return envelope, envelope
        replies = self._answer_release(question, number, digest)
        self._next = (RoundNumber(number + 1), False)
        return replies

    def _answer_proofs(self, question: ProofQuestion, number: RoundNumber) -> ProofAnswer:
        """Return the parts of all proofs. Who is no member comes back by a fresh seed alone."""
        fresh = self._take_seeds(question)
        clients = tuple(each.client for each in question.clients)
        if len(set(clients)) != len(clients) or not set(clients) <= {*self._members, *fresh}:
            raise ResultsDiffer("a question names a client twice, or one that is out; the run stops here")
        asked = [each for each in question.clients if each.client in self._sources]
        self._members = tuple(each.client for each in asked)
        parts = zip(self._members, parts_of([self._side(each, number) for each in asked]), strict=True)
        answers = tuple(ClientAnswer(client, part.element, part.claim) for client, part in parts)
        self._take_own(number)
        self._attendance.take(number, self._members)
        return ProofAnswer(run=self.plan.run, number=number, clients=answers)

    def _take_seeds(self, question: ProofQuestion) -> set[str]:
        """Take in seeds that serve from this round on, and return whose they are; counters are on disk, and only rise.

        A seed that does not open leaves its client with none.
        """
        number, fresh = RoundNumber(question.number), set[str]()
        if question.seeds and not self.plan.takes_seeds(number):
            raise RoundAhead("a seed came in the middle of a step, and serves from the beginning of one alone")
        for envelope in question.seeds:
            notice = self.read(envelope, SeedNotice)
            client, counter = notice.client, notice.counter
            if client != envelope.sender or client in fresh:
                raise ResultsDiffer("a seed was handed on in another client's name, or twice; the run stops here")
            if notice.number != number or counter <= self._counters.get(client, 0):
                raise ResultsDiffer("a seed of another round, or of before, was handed on; the run stops here")
            self.journal.record(f"seed {client} {counter}", envelope.digest)
            self._counters[client] = counter
            fresh.add(client)
            self._sources.pop(client, None)
            with suppress(NotSealed):
                self._sources[client] = open_seed(notice, self.sealing)
        return fresh

    def _side(self, question: ClientQuestion, number: RoundNumber) -> ProofSide:
        source, client = self._sources[question.client], question.client
        if question.counter != source.counter:
            raise ResultsDiffer("a question names another seed than the client's; the run stops here")
        pads, shape = self.plan.pads_to_check(self._pads(client, number), client, number), self._shape(client, number)
        return ProofSide.of_dealer(source, number, shape, pads=pads, question=question.question)

    def _shape(self, client: str, number: RoundNumber) -> ProofShape:
        return self.plan.shape(client, number, steps=self._attendance.steps(client, number))

    def _pads(self, client: str, number: RoundNumber) -> U64:
        return self._sources[client].pads(number, self.plan.count(client, number))

    def _take_own(self, number: RoundNumber) -> None:
        """Take in pads of thresholds and own levels; who turns out to be out of range is out for good."""
        if not self.plan.opens(number):
            self._sums.take(number, {client: self._pads(client, number) for client in self._members}, self._opened)

    def _answer_release(self, question: ReleaseQuestion, number: RoundNumber, digest: bytes) -> Replies:
        """Return pads of what is released, and keys of the comparison that comes next."""
        if not set(question.accepted) <= set(self._members):
            raise ResultsDiffer("a release counts a client whose proof was not asked; the run stops here")
        least = self.plan.manifest.min_cohort
        if (count := cohort(self.plan.manifest, question.accepted)) < least:
            raise CohortTooSmall(f"a release is over {count} clients; the manifest promises {least}")
        self._spending.charge(number)
        self._members = question.accepted
        words = {client: self._pads(client, number) for client in self._members}
        self._sums.take(number, words)
        noise = noise_of(self.plan, self.noise_key, number, digest)
        pads = residue(self._sums.release(words) - noise.view(np.uint64))
        counts: tuple[tuple[memoryview, ...], ...] = ((), ())
        if self.plan.suppresses(number):
            counts, pads = self._deal_counts(words, noise), pads[:0]  # pads would open what is small
        deals, decision = self.plan.compares(number), RoundNumber(number + 1)
        products = self._deal_products(decision) if deals and self.plan.products else ((), ())
        offsets, shares = self._deal(decision) if deals else (pads[:0], ((), ()))
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
        first, second = self.send_all({f"release {index}": each for index, each in enumerate(answers)}).values()
        return first, second

    def _deal_counts(self, words: Mapping[str, U64], noise: I64) -> tuple[tuple[memoryview, ...], ...]:
        """Return each aggregator's shares of what suppresses small counts."""
        rule, node_hash = CountRule.of(self.plan), NodeHash(self._node_key)
        return deal_suppression(rule, self._sums.counts(words), noise, node_hash=node_hash, draw=fresh_words)

    def _deal(self, decision: RoundNumber) -> tuple[U64, tuple[tuple[memoryview, ...], tuple[memoryview, ...]]]:
        """Return offsets of the outcomes of a decision, uint64[o * n], and each aggregator's keys of comparisons."""
        own, bits = {client: self._pads(client, decision) for client in self._members}, list(self.plan.bits)
        r, r0 = self._sums.after(decision, own, self._opened).differences(), self._answers(decision)
        dealt, shares = deal_comparison(
            r0[bits].reshape(-1),
            node_hash=NodeHash(self._node_key),
            draw=fresh_words,
            bits=self.plan.difference_bits,
        )
        r0[bits] = dealt.reshape(len(bits), self.plan.layout.n)
        return (r - r0 & self.plan.offset_masks).reshape(-1), encode_shares(shares)

    def _deal_products(self, decision: RoundNumber) -> tuple[tuple[memoryview, ...], tuple[memoryview, ...]]:
        """Draw the pads of a decision's products, and return each aggregator's shares."""
        masks = {
            client: bit_pads(self._sources[client], decision, self._shape(client, decision)) for client in self._members
        }
        pads = self._sums.factors()
        opened = fresh_words(2 * pads.size).reshape(-1, 2)
        self._opened = residue(opened[:, 0])
        bits = self._sums.bits(decision, masks, inverse=False)
        first, second = deal_products(np.stack([np.uint64(1) - bits, bits]), pads, opened, draw=fresh_words)
        return first.encode(), second.encode()

    def _answers(self, decision: RoundNumber) -> U64:
        """Return the labels of bits and the masks of sums, uint64[o, n]; of clients that are out, fresh words."""
        layout = self.plan.layout
        answers = fresh_words(len(layout.outcomes) * layout.n).reshape(len(layout.outcomes), layout.n)
        for client in self._members:
            first, end = layout.own[client]
            for row, outcome in enumerate(layout.outcomes):
                source = self._sources[client]
                expand = source.labels if outcome.is_bit else source.sums
                answers[row, first:end] = expand(decision, end - first, outcome=row)
        return answers
