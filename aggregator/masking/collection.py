"""What an aggregator has heard in one round, put together with what the other has."""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.errors import LpmError
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import ClientQuestion, WordsNotice
from protocols.masking.plans.run_plan import RunPlan
from protocols.masking.range_proof import ProofPart, examine, holds
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

    @classmethod
    def of(cls, plan: RunPlan, notice: WordsNotice, nonce: bytes, *, steps: int) -> "Examination | None":
        """Examine a message; None of one that no honest client sends, which counts as silence at both aggregators.

        Args:
            plan: of the run.
            notice: the message.
            nonce: of its envelope.
            steps: in which own levels have grown to what it tells.
        """
        number = RoundNumber(notice.number)
        shape = plan.shape(notice.client, number, steps=steps)
        try:
            words, bits = notice.words(plan.count(notice.client, number)), notice.bits(shape)
            checked = plan.words_to_check(words, notice.client, number)
            sent = np.concatenate([checked, bits.numbers])
            part, question = examine(bits, checked, shape, Transcript(notice.context, nonce, sent, bits.e))
        except LpmError:
            return None
        return cls(
            words, bits.e, part, ClientQuestion(notice.client, notice.counter, question.rho, question.challenges)
        )

    def accepts(self, answer: ProofPart | None) -> bool:
        """Tell whether the words are in their ranges, with the dealer's part."""
        return answer is not None and holds(self.part, answer)
