"""What two aggregators open to each other in a decision, masked: products of levels, and bits of a tree."""

import abc
from dataclasses import dataclass, field

from aggregator.masking.carry.bit_opening import BitOpening, count_messages
from aggregator.masking.carry.share import CarryShare
from aggregator.masking.members.message_union import MessageUnion
from aggregator.masking.product import ProductShare
from aggregator.masking.round_state import NextComparison, RoundStage
from aggregator.masking.sums import MaskedSums
from protocols.arithmetic.fixed_point import U64
from protocols.errors import RoundAhead
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import (
    BitAnswer,
    BitQuestion,
    LevelShare,
    OpeningAnswer,
    OpeningQuestion,
    OpeningShare,
    to_bytes,
)


@dataclass(slots=True, eq=False)
class OpeningAgreement(MessageUnion, abc.ABC):
    """Masked numbers of a decision, which both aggregators open.

    Security: which bits of a tree are opened next depends on what the other has opened, and is unchecked until the
        proof. So it is on disk before it is told, that this aggregator never opens another thing under the same masks;
        and what it opens of is in memory alone, which the dealer tells no more by then, that no store put back does.
    """

    _sums: MaskedSums = field(init=False, repr=False)
    _comparison: NextComparison | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Begin the run, or go on with it."""
        MessageUnion.__post_init__(self)
        self._sums = MaskedSums(self.plan)

    @property
    def opening_messages(self) -> int:
        """Return how many messages go each way in the round in hand."""
        return count_messages(self.plan.difference_bits) if self.plan.takes_openings(self.number) else 0

    def _require(self, stage: RoundStage) -> None:
        if self._round.stage != stage:
            raise RoundAhead(f"round {self.number} is {self._round.stage.name}, and this is for {stage.name}")

    def _require_comparison(self) -> NextComparison:
        if self._comparison is None:
            raise RoundAhead("a decision came before its comparison was dealt; the run stops here")
        return self._comparison

    def _require_number(self, number: int) -> None:
        if number != self.number:
            raise RoundAhead(f"got an answer for round {number} in round {self.number}; the run stops here")

    @property
    def _words(self) -> dict[str, U64]:
        return {client: self._round.examined[client].words for client in self._round.accepted}

    def share_levels(self) -> SignedMessage:
        """Return this aggregator's shares of masked products, in a decision of a run whose levels take some."""
        with self.guard():
            self._require(RoundStage.ACCEPTED)
            self._round.level_shares, tags = self._products.answer(*self._factors)
            message = LevelShare(
                run=self.plan.run,
                number=self.number,
                shares=to_bytes(self._round.level_shares),
                tags=to_bytes(tags),
            )
            self._round.stage = RoundStage.SHARED_LEVELS
            return self.send(message, name="levels", sync=False)

    def open_levels(self, envelope: SignedMessage) -> None:
        """Take in the other's shares, and the words of the decision.

        Raises:
            ResultsDiffer: a share is not what follows from what the dealer dealt.
        """
        with self.guard():
            self._require(RoundStage.SHARED_LEVELS)
            message = self.read(envelope, LevelShare, sender=self._other)
            self._require_number(message.number)
            opened = self._products.open(self._round.level_shares, message, *self._factors)
            self._sums.take(self.number, self._words, opened)
            self._round.stage = RoundStage.DONE
            self._end_levels()

    @property
    def _products(self) -> ProductShare:
        if self._comparison is None or self._comparison.products is None:
            raise RoundAhead("a decision came before its products were dealt; the run stops here")
        return self._comparison.products

    @property
    def _factors(self) -> tuple[U64, U64]:
        """Return masked numbers and masked bits that are multiplied."""
        bits = {client: self._round.examined[client].bits for client in self._round.accepted}
        return self._sums.factors(), self._sums.bits(self.number, bits, inverse=True)

    def _end_levels(self) -> None:
        """Begin with the levels of a decision, where bits of it are opened."""
        if not self.plan.takes_openings(self.number):
            return
        share, z = self._require_comparison().share, self._sums.differences()[list(self.plan.bits)]
        if not isinstance(share, CarryShare):
            raise RoundAhead("the dealer dealt keys to a run that compares by a tree; the run stops here")
        key = self._require_common().opening_key(self.number, self._round.closing)
        self._round.opening = BitOpening(share, z.reshape(-1), bits=self.plan.difference_bits, key=key)
        self._round.stage = RoundStage.OPENING

    def _require_opening(self) -> BitOpening:
        if self._round.stage != RoundStage.OPENING or self._round.opening is None:
            raise RoundAhead("no bits are opened now; the run stops here")
        return self._round.opening

    def share_openings(self) -> SignedMessage:
        """Return what this aggregator opens next, and at last its proof."""
        with self.guard():
            opening = self._require_opening()
            message = OpeningShare(run=self.plan.run, number=self.number, part=opening.number, words=opening.tell())
            return self.send(message, name=f"openings {opening.number}")

    def open_openings(self, envelope: SignedMessage) -> None:
        """Take in what the other opens, and at last its proof.

        Raises:
            RoundAhead, WireError: it came out of its turn, or is of another size.
        """
        with self.guard():
            opening = self._require_opening()
            message = self.read(envelope, OpeningShare, sender=self._other)
            if (message.number, message.part) != (self.number, opening.number):
                raise RoundAhead(f"openings of round {message.number} came out of their turn; the run stops here")
            opening.take(message.words)

    def ask_openings(self) -> SignedMessage:
        """Return the last question to the dealer: its part of both proofs."""
        with self.guard():
            challenges = self._require_opening().challenges
            question = OpeningQuestion(run=self.plan.run, number=self.number, challenges=challenges)
            return self.send(question, name="opening question")

    def judge_openings(self, answer: SignedMessage) -> None:
        """Take in the dealer's part of the other's proof.

        Raises:
            ResultsDiffer: the other opened what was not dealt.
        """
        with self.guard():
            opening = self._require_opening()
            message = self.read(answer, OpeningAnswer, sender=self.plan.dealer.name)
            self._require_number(message.number)
            opening.check(message)

    def ask_bits(self) -> SignedMessage:
        """Return what asks the dealer for the masks of the bits, once what the other opened is proved.

        Raises:
            RoundAhead: it is not.
        """
        with self.guard():
            if not self._require_opening().is_proved:
                raise RoundAhead("masks of bits are asked for before what was opened is proved; the run stops here")
            return self.send(BitQuestion(run=self.plan.run, number=self.number), name="bit question", sync=False)

    def open_bits(self, answer: SignedMessage) -> None:
        """Take in what the bits are masked by, beside the clients' masks."""
        with self.guard():
            opening = self._require_opening()
            message = self.read(answer, BitAnswer, sender=self.plan.dealer.name)
            self._require_number(message.number)
            self._round.bits, self._round.opening = opening.unmask(message.masks), None
            self._round.stage = RoundStage.DONE
