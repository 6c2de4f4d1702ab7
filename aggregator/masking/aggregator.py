"""One aggregator of a masked run, as steps that take messages and return messages; nothing is sent here.

A round: `receive` from clients and the engine; `offer`, `lacking` and `receive` until neither `lacks` any of the
union; `close`, `ask_proofs`, `confirm`, and `judge` the dealer's answer; `accept` where the other's verdict is the
same, if they are compared, in a step after `ask_release`; then `release`, and where small counts are suppressed four
times `share_counts` and `open_counts`; in a decision where levels take products `share_levels` and `open_levels`; then
a `reply` for each client and the engine.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
import numpy as np

from aggregator.masking.carry.share import CarryShare
from aggregator.masking.collection import Examination
from aggregator.masking.members.membership import RoundMembers
from aggregator.masking.members.opening_agreement import OpeningAgreement
from aggregator.masking.noise import ReleaseSpending, noise_of
from aggregator.masking.preparation import prepare
from aggregator.masking.round_state import NOTHING, NextComparison, RoundCheckpoint, RoundStage, refuse_surplus
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.errors import CohortTooSmall, RecordsDiffer, ResultsDiffer, RoundAhead
from protocols.masking.envelope import SignedMessage, encode
from protocols.masking.messages import (
    ClientReply,
    Closing,
    ProofAnswer,
    ProofQuestion,
    RangeVerdict,
    ReleaseAnswer,
    ReleaseQuestion,
    ReturnNotice,
    from_bytes,
    to_bytes,
)
from protocols.masking.party import digest_of
from protocols.masking.words import MASK, require_canonical, residue
from protocols.quantity import quantity
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase

NO_HEAD: Final = bytes(32)


@final
@dataclass(slots=True, eq=False)
class MaskingAggregator(OpeningAgreement):
    """One of the two aggregators.

    Security: it sees masked words alone. What it learns beside releases: who takes part, and who was out of range. One
        that lies brings the others to their one stop, whatever the clients' numbers are. Started again it does the
        round in hand once more, over the messages that it had said it heard, with the answers of before.

    Attributes:
        checkpoint: what it goes on with; None at the beginning of a run.
    """

    checkpoint: RoundCheckpoint | None = field(init=False, repr=False, default=None)
    _spending: ReleaseSpending = field(init=False, repr=False)
    _asked: SignedMessage | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Begin the run, or go on with it.

        Raises:
            RecordsDiffer: journal and checkpoint are not of one moment.
        """
        OpeningAgreement.__post_init__(self)
        prepare(self.plan)
        self._spending = ReleaseSpending(self.plan)
        if content := self.journal.checkpoint:
            self._go_on(msgspec.msgpack.decode(content, type=RoundCheckpoint))
        if self.journal.entry(f"round {self.number + 1}") is not None:
            raise RecordsDiffer("what this aggregator goes on with is older than what it has told; the run is over")

    def _go_on(self, checkpoint: RoundCheckpoint) -> None:
        for number in map(RoundNumber, range(checkpoint.number)):
            if (content := self.journal.entry(f"round {number}")) is None:
                raise RecordsDiffer(f"the journal of this aggregator lacks round {number}; the run is over")
            self._membership.take(number, msgspec.msgpack.decode(content, type=RoundMembers))
            if self.plan.opens(number):
                self._spending.charge(number)
        self.checkpoint, self._asked = checkpoint, checkpoint.question
        self._sums.restore(checkpoint.levels)
        self._begin_round(checkpoint.number)

    def save(
        self, replies: dict[int, dict[str, SignedMessage]], posted: tuple[SignedMessage, ...], *lines: Future[None]
    ) -> None:
        """Put on disk what a restart goes on with, after a round and its `lines` elsewhere, before it is told."""
        content = encode(RoundCheckpoint(self.number, self._sums.encode(), self._asked, replies, posted))
        self.journal.save_checkpoint(content, after=(self.journal.sync(), *lines))

    def come_back(self, head: bytes = NO_HEAD) -> SignedMessage:
        """Return what tells the other aggregator that this one goes on; `head` is of its ledger."""
        return self.signer.send(ReturnNotice(run=self.plan.run, number=self.number, head=head))

    @property
    def lost_question(self) -> SignedMessage | None:
        """Return the question whose answer this round begins from and a restart has lost; None where it is here."""
        compares = self.number > FIRST_ROUND and self.plan.compares(RoundNumber(self.number - 1))
        return self._asked if compares and self._comparison is None else None

    def recall(self, answer: SignedMessage) -> None:
        """Take in the dealer's answer of the round before once more: what this decision begins from."""
        with self.guard():
            self._require(RoundStage.OPEN)
            message = self.read(answer, ReleaseAnswer, sender=self.plan.dealer.name)
            if message.number != self.number - 1:
                raise RoundAhead(f"got an answer for round {message.number} before {self.number}; the run stops here")
            self._comparison = NextComparison.of(self.plan, message, party=self.index)

    def close(self, head: bytes = NO_HEAD) -> SignedMessage:
        """Close the round to further messages, and return whom it has heard as one hash; `head` is of its ledger."""
        with self.guard():
            self._require(RoundStage.OPEN)
            heard, seeds = self.words_heard, self._seeds.single()
            self._round.examined, self._round.ahead = self._examine(heard, seeds), {}
            single = [{client: each.digest for client, each in every.items()} for every in (heard, seeds)]
            content = msgspec.msgpack.encode(single, order="deterministic")
            self._round.closing = digest_of(self._announcement_hash(), head, content)
            self._round.stage = RoundStage.CLOSED
            message = Closing(run=self.plan.run, number=self.number, digest=self._round.closing)
            return self.send(message, name="closing", sync=False)

    def confirm(self, closing: SignedMessage) -> None:
        """Take in whom the other has heard.

        Raises:
            ResultsDiffer: it has heard others, or another announcement.
        """
        with self.guard():
            self._require(RoundStage.ASKED)
            theirs = self.read(closing, Closing, sender=self._other)
            if (theirs.number, theirs.digest) != (self.number, self._round.closing):
                raise ResultsDiffer("the aggregators have heard different messages of one round; the run stops here")
            self._round.stage = RoundStage.CONFIRMED

    def ask_proofs(self) -> SignedMessage:
        """Return the first question to the dealer, of all that this aggregator has heard.

        Whom the other has heard is confirmed before the answer is taken in.
        """
        with self.guard():
            self._require(RoundStage.CLOSED)
            question = self._question(self._round.examined)
            self._membership.take_seeds(question.clients)
            self._round.stage = RoundStage.ASKED
            return self.send(question, name="proofs", sync=False)

    def ask_early(self) -> SignedMessage | None:
        """Return the first question before the other's offer has come: over what this aggregator has heard by itself.

        It is the one that it asks when the round is closed, unless the other has heard more. Nothing where somebody is
        awaited still.
        """
        with self.guard():
            self._require(RoundStage.OPEN)
            if self.silent({}):
                return None
            question = self._question(self._examine(self.words_heard, self._seeds.single()))
            return self.send(question, name="early proofs", sync=False)

    def _question(self, examined: Mapping[str, Examination]) -> ProofQuestion:
        seeds, asked = self._seeds.single(), {client: each.question for client, each in examined.items()}
        return ProofQuestion(
            run=self.plan.run,
            number=self.number,
            announcement=self._announcement_hash(),
            seeds=tuple(seeds[c] for c, each in asked.items() if self._membership.is_fresh(each) and c in seeds),
            clients=tuple(asked.values()),
        )

    def judge(self, answer: SignedMessage) -> None:
        """Decide who is in range, by the dealer's parts."""
        with self.guard():
            self._require(RoundStage.CONFIRMED)
            message = self.read(answer, ProofAnswer, sender=self.plan.dealer.name)
            self._require_number(message.number)
            parts = {each.client: each.part for each in message.clients}
            self._round.accepted = tuple(
                client for client, each in self._round.examined.items() if each.accepts(parts.get(client))
            )
            self._round.stage = RoundStage.JUDGED

    def tell_verdict(self) -> SignedMessage:
        """Return who is in range, for the other, where verdicts are compared."""
        with self.guard():
            self._require(RoundStage.JUDGED)
            verdict = RangeVerdict(run=self.plan.run, number=self.number, accepted=self._round.accepted)
            return self.send(verdict, name="verdict", sync=False)

    def accept(self, verdict: SignedMessage | None = None) -> None:
        """Take in the other's verdict where they are compared, and the round's words.

        Whoever left its ranges is out for good.

        Raises:
            ResultsDiffer: the verdicts differ.
            CohortTooSmall: fewer clients are left than the manifest promises.
        """
        with self.guard():
            self._require(RoundStage.ASKED_RELEASE if self.plan.opens(self.number) else RoundStage.JUDGED)
            if verdict is not None:
                theirs = self.read(verdict, RangeVerdict, sender=self._other)
                if (theirs.number, theirs.accepted) != (self.number, self._round.accepted):
                    raise ResultsDiffer("the aggregators differ on who is in range; the run stops here")
            elif self.plan.compares_verdicts(self.number):
                raise RoundAhead(f"round {self.number} needs the other aggregator's verdict; the run stops here")
            self._require_cohort()
            heard = self.words_heard
            taken = RoundMembers(
                counters={client: each.question.counter for client, each in self._round.examined.items()},
                counted={client: heard[client].digest for client in self._round.accepted},
                refused=self.refused,
                public=tuple(self.public_numbers.values()),
            )
            self.journal.record_all({f"round {self.number}": encode(taken)}, sync=False)  # with what is told of it
            self._membership.take(self.number, taken)
            self._round.stage = RoundStage.ACCEPTED if self.plan.compares_verdicts(self.number) else RoundStage.DONE
            if not self.plan.multiplies(self.number):
                self._sums.take(self.number, self._words)
                self._end_levels()

    def _require_cohort(self) -> None:
        rule = self.plan.release_plan.cohort
        if (count := rule.size(self._round.accepted)) < rule.least:
            raise CohortTooSmall(f"{quantity(count, 'client')} left; the manifest promises {rule.least}")

    def ask_release(self) -> SignedMessage:
        """Return the second question to the dealer, within the budget; it names this aggregator's own verdict.

        The other's is taken in before the answer is, and the dealer answers nobody if both name different ones.

        Raises:
            BudgetSpent: the manifest allows no further release.
            CohortTooSmall: fewer clients are left than the manifest promises, or releases could together tell of fewer.
        """
        with self.guard():
            self._require(RoundStage.JUDGED)
            self._require_cohort()
            self._membership.released.require_apart(self._round.accepted)
            self._spending.charge(self.number)
            question = ReleaseQuestion(
                run=self.plan.run,
                number=self.number,
                announcement=self._announcement_hash(),
                accepted=self._round.accepted,
            )
            self._round.question = digest_of(self._round.closing, encode(question))
            self._round.stage = RoundStage.ASKED_RELEASE
            self._asked = self.send(question, name="release", sync=False)
            return self._asked

    def release(self, answer: SignedMessage) -> None:
        """Take in the dealer's answer: what is released, and what the next decision begins from."""
        with self.guard():
            self._require(RoundStage.ACCEPTED)
            message = self.read(answer, ReleaseAnswer, sender=self.plan.dealer.name)
            self._require_number(message.number)
            refuse_surplus(self.plan, message)
            pads, suppresses = from_bytes(message.pads), self.plan.suppresses(self.number)
            size = 0 if suppresses else self.plan.layout.release_words
            require_canonical(pads, int(MASK) + 1, size, "pads of a release")
            if self.plan.compares(self.number):
                self._comparison = NextComparison.of(self.plan, message, party=self.index)
            else:
                self._hide_exposures(from_bytes(message.offsets))
            if suppresses:
                layout = self.plan.layout
                agents = sum(layout.size(client) for client in self._round.accepted) // layout.copies
                self._begin_counts(message, self._sums.counts(self._words), agents=agents)
                self._round.stage = RoundStage.SUPPRESSING
            else:
                self._release(self._sums.release(self._words) - pads)

    def _hide_exposures(self, offsets: U64) -> None:
        """Take in what puts exposures under masks of their clients; nothing where none are told."""
        exposures = self._sums.exposures(self.number, self._words)
        require_canonical(offsets, int(MASK) + 1, exposures.size, "offsets of exposures")
        self._round.exposures = residue(exposures - offsets.reshape(exposures.shape))

    def _release(self, opened: U64) -> None:
        """Take in what was opened of a step; the aggregators' noise is not yet in it."""
        noise = noise_of(self.plan, self._require_common().noise_key, self.number, self._round.question)
        self._round.release = residue(opened + noise.view(np.uint64))
        self._round.stage = RoundStage.DONE

    @property
    def refused(self) -> tuple[str, ...]:
        """Return whose words were out of their ranges in this round, in order."""
        return tuple(sorted(self._round.examined.keys() - {*self._round.accepted}))

    def replies(self) -> dict[str, SignedMessage]:
        """Return what each accepted client, and the engine, is told of the round; and begin the next one."""
        with self.guard():
            self._require(RoundStage.DONE)
            answers = self._answers() if self.plan.reveals(self.number) else {}
            engine = [ENGINE] if self.plan.opens(self.number) or self.plan.announces(self.number) else []
            names = [*self.members, *engine]
            named = {f"reply {name}": self._reply(name, answers.get(name, NOTHING)) for name in names}
            told = self.send_all(named, sync=False)  # `save` waits for the disk
            self._begin_round(RoundNumber(self.number + 1))
            return dict(zip(names, told.values(), strict=True))

    def _answers(self) -> dict[str, U64]:
        """Return what each accepted client is told, outcome by outcome: shares of its bits' labels, or masked sums."""
        told = self._decide() if self.plan.phase(self.number) == Phase.DECIDE else self._round.exposures
        own = self.plan.layout.own
        return {client: told[:, slice(*own[client])].reshape(-1) for client in self.members}

    def _decide(self) -> U64:
        """Return shares of bits' labels or masked bits, and masked sums, of all outcomes and agents, uint64[o, n]."""
        comparison, bits = self._require_comparison(), list(self.plan.bits)
        self._comparison = None  # a key is evaluated once
        z, offsets, told = self._sums.differences(), comparison.offsets, self._round.bits
        by_outcome = residue(z - offsets)
        if not isinstance(comparison.share, CarryShare):
            z, offset = z[bits].reshape(-1), offsets[bits].reshape(-1)
            mask = self._require_common().answer_mask(self.number, self._round.closing, z.size)
            told = comparison.share.answer(comparison.node_hash, z, offset=offset, mask=mask)
        by_outcome[bits] = told.reshape(len(bits), self.plan.layout.n)
        return by_outcome

    def _reply(self, client: str, answers: U64) -> ClientReply:
        return ClientReply(
            run=self.plan.run,
            number=self.number,
            client=client,
            accepted=self._round.accepted,
            refused=self.refused,
            announcement=to_bytes(self._round.announced.view(np.uint64)),
            release=to_bytes(self._round.release),
            answers=to_bytes(answers),
        )
