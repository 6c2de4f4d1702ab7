"""What one aggregator tells the other to compare by a tree, message by message, and how it checks what it is told."""

import hashlib
from collections.abc import Sequence
from typing import final

import numpy as np

from aggregator.masking.carry.circuit import (
    carry_circuit,
    evaluate,
    from_plane,
    join,
    open_bits,
    to_planes,
)
from aggregator.masking.carry.field_kernels import BITS, Lines
from aggregator.masking.carry.opening_proof import (
    OpeningPart,
    OpeningShape,
    OpeningTranscript,
    prove,
    require,
    verifier_part,
)
from aggregator.masking.carry.share import CarryShare
from protocols.arithmetic.fixed_point import U64
from protocols.errors import RoundAhead, WireError
from protocols.masking.messages import BitAnswer, BitQuestion, OpeningAnswer, OpeningQuestion, from_bytes, to_bytes


def count_messages(bits: int) -> int:
    """Return how many messages go each way: one for each level of the tree, the last bits, and the proof."""
    return len(carry_circuit(bits).opened) + 1


@final
class BitOpening:
    """The comparisons of one decision at one aggregator.

    Security: what it opens is under masks of the dealer, each of which serves once, whatever the other opens. Nothing
        that was opened is told to anybody else before the other's proof holds, with the dealer's part.
    """

    def __init__(self, share: CarryShare, z: U64, *, bits: int, key: bytes) -> None:
        """Begin.

        Args:
            share: what the dealer dealt.
            z: uint64[n], masked differences.
            bits: l, of what is compared with 0, without its sign.
            key: of both aggregators' challenges, in this round.
        """
        self._share, self._key, self._n, self._circuit = share, key, z.size, carry_circuit(bits)
        self._steps = open_bits(self._circuit, to_planes(z, bits + 1))
        self._lines: list[Lines] = [next(self._steps)]
        self._own: list[U64] = []
        self._other: list[U64] = []
        self._masked: U64 | None = None
        self._transcripts: list[OpeningTranscript] = []
        self._part: OpeningPart | None = None
        self.is_proved = False

    @property
    def number(self) -> int:
        """Return which message comes next."""
        return len(self._other)

    def tell(self) -> bytes:
        """Return the next message: what this aggregator opens, and at last its proof."""
        if self._masked is not None:
            return self._prove()
        opened = evaluate(self._lines[-1], self._share.planes)
        self._own = [*self._own[: self.number], opened]
        return to_bytes(opened)

    def _prove(self) -> bytes:
        sides = [(self._own, self._other), (self._other, self._own)][self._share.party]
        opened = hashlib.sha256(b"".join(to_bytes(each) for side in sides for each in side)).digest()
        self._transcripts = [OpeningTranscript(self._key, opened, party) for party in (0, 1)]
        mine = self._transcripts[self._share.party]
        return to_bytes(prove(join(self._lines), self._share.planes, self._share.masks, mine))

    def take(self, content: bytes) -> None:
        """Take in the other's message of the same number.

        Raises:
            WireError: it is of another size.
            RoundAhead: it came before this one's of the same number, or after the proof.
        """
        told = from_bytes(content)
        if self._masked is not None:
            self._take_proof(told)
            return
        if len(self._own) == self.number:
            raise RoundAhead("the other aggregator's openings came before this one's; the run stops here")
        opened = self._own[self.number]
        if told.size != opened.size:
            raise WireError(f"got {told.size} words of what the other aggregator opens; there are {opened.size}")
        self._other.append(told.reshape(opened.shape))
        try:
            self._lines.append(self._steps.send(opened ^ self._other[-1]))
        except StopIteration as done:
            self._masked = done.value

    def _take_proof(self, told: U64) -> None:
        if not self._transcripts or self._part is not None:
            raise RoundAhead("the other aggregator's proof came before this one's, or twice; the run stops here")
        self._part = verifier_part(
            join(self._lines),
            np.concatenate(self._other),
            told,
            planes=len(self._share.planes),
            transcript=self._transcripts[1 - self._share.party],
        )

    @property
    def challenges(self) -> tuple[tuple[bytes, ...], ...]:
        """Return those of each aggregator's proof, which both ask the dealer alike."""
        return tuple(
            tuple(each.to_bytes(BITS // 8, "little") for each in transcript.challenges)
            for transcript in self._transcripts
        )

    def check(self, answer: OpeningAnswer) -> None:
        """Hold the other's proof against the dealer's part.

        Raises:
            ResultsDiffer: it does not hold.
            RoundAhead: there is no proof yet.
        """
        if self._part is None:
            raise RoundAhead("the dealer answered for openings that are not proved yet; the run stops here")
        require(self._part, OpeningPart(*(int.from_bytes(each, "little") for each in (answer.element, answer.claim))))
        self.is_proved = True

    def unmask(self, masks: bytes) -> U64:
        """Return the bits under the clients' masks, uint64[n].

        Raises:
            RoundAhead: the other's proof was not checked.
            WireError: the masks are of another size.
        """
        words = from_bytes(masks)
        if not self.is_proved or self._masked is None:
            raise RoundAhead("masks of bits came before what was opened is proved; the run stops here")
        if words.size != self._masked.size:
            raise WireError(f"got {words.size} words of masks of bits; there are {self._masked.size}")
        return from_plane(self._masked ^ words, self._n)


def answer(
    dealt: tuple[CarryShare, CarryShare, U64], question: OpeningQuestion | BitQuestion, *, run: bytes
) -> Sequence[OpeningAnswer | BitAnswer]:
    """Return the dealer's answer to each aggregator: its part of the other's proof, or the masks of the bits.

    Raises:
        WireError: other challenges than those of two proofs.
    """
    *shares, masks = dealt
    if isinstance(question, BitQuestion):
        return 2 * [BitAnswer(run=run, number=question.number, masks=to_bytes(masks))]
    if len(question.challenges) != len(shares):
        raise WireError(f"got challenges for {len(question.challenges)} proofs; two aggregators open bits")
    parts = [
        share.prove(OpeningShape(share.planes.size).require_challenges(each))
        for share, each in zip(shares, question.challenges, strict=True)
    ]
    words = [[each.to_bytes(BITS // 8, "little") for each in (part.element, part.claim)] for part in reversed(parts)]
    return [OpeningAnswer(run=run, number=question.number, element=one, claim=other) for one, other in words]
