"""What an aggregator has heard in one round, put together with what the other has."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, final

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.errors import LpmError
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import ClientQuestion, WordsNotice
from protocols.masking.plans.run_plan import RunPlan
from protocols.masking.range_proof import ProofPart, ProofSide, holds, parts_of
from protocols.masking.transcript import Transcript

MOST_VERSIONS: Final = 2  # of a client's message in a round: so many are none


def seed_of(client: str) -> str:
    """Return the name under which a client's seed is offered, beside its words."""
    return f"seed {client}"


@final
@dataclass(slots=True, eq=False)
class Collection:
    """The signed messages of a round.

    Two contents of one client and round are no message: it signed both, so it is left out, at both aggregators alike;
    a third one is not taken in.

    Attributes:
        number: of the round.
        envelopes: of each client, by the hash of what it signed.
    """

    number: RoundNumber
    envelopes: dict[str, dict[bytes, SignedMessage]] = field(default_factory=dict, repr=False)

    def add(self, client: str, envelope: SignedMessage) -> None:
        """Take in a message whose signature holds; the same content once more changes nothing."""
        versions = self.envelopes.setdefault(client, {})
        if len(versions) < MOST_VERSIONS:
            versions.setdefault(envelope.digest, envelope)

    def offer(self) -> dict[str, tuple[bytes, ...]]:
        """Return the hashes of what is here, by client."""
        return {client: tuple(sorted(versions)) for client, versions in sorted(self.envelopes.items())}

    def lacking(self, offer: dict[str, tuple[bytes, ...]]) -> list[SignedMessage]:
        """Return what is here and not in another's offer."""
        return [
            envelope
            for client, versions in self.envelopes.items()
            for digest, envelope in versions.items()
            if digest not in offer.get(client, ())
        ]

    def single(self) -> dict[str, SignedMessage]:
        """Return the one message of each client that signed one."""
        return {client: next(iter(each.values())) for client, each in self.envelopes.items() if len(each) == 1}


@final
@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """A member's words, and this aggregator's part of their proof."""

    words: U64 = field(repr=False)
    bits: U64 = field(repr=False)
    part: ProofPart = field(repr=False)
    question: ClientQuestion

    def accepts(self, answer: ProofPart | None) -> bool:
        """Tell whether the words are in their ranges, with the dealer's part."""
        return answer is not None and holds(self.part, answer)


def examine(plan: RunPlan, received: Iterable[tuple[WordsNotice, SignedMessage, int]]) -> dict[str, Examination]:
    """Examine the messages of a round, side by side; one that no honest client sends counts as silence at both.

    Args:
        plan: of the run.
        received: of each client its message, its envelope, and in how many steps own levels have grown to what it
            tells.
    """
    words, sides, notices = [], [], []
    for notice, envelope, steps in received:
        client, number = notice.client, RoundNumber(notice.number)
        shape = plan.shape(client, number, steps=steps)
        try:
            own, bits = notice.words(plan.count(client, number)), notice.bits(shape)
            checked = plan.words_to_check(own, client, number)
            transcript = Transcript(notice.context, envelope.nonce, notice.hashes(envelope.part_hashes))
            side = ProofSide.of_aggregator(bits, checked, shape, transcript)
        except LpmError:
            continue
        words.append((own, bits.e))
        sides.append(side)
        notices.append(notice)
    return {
        notice.client: Examination(*own, part, ClientQuestion.of(notice.client, notice.counter, side.question))
        for notice, own, side, part in zip(notices, words, sides, parts_of(sides), strict=True)
    }
