"""A client's proof that each of its words is in its range, checked by two who know one part each: d, and the pad.

The client sends d, E and the rows of the proof to both aggregators. Each asks the dealer for its part, with the same
question, and decides by itself.

Security: an aggregator sees uniform words: d and E are masked by pads, rows by masks, and of the dealer's two numbers
    one is masked and the other follows. The dealer sees hashes alone. A client with a word out of its range passes with
    probability of some 2**-115 for each hash that it tries.
"""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.extension_field import (
    Element,
    P,
    elements,
    from_words,
    inner_product,
    lagrange,
    minus,
    plus,
    product,
    subtract,
)
from protocols.arithmetic.fixed_point import U64
from protocols.errors import WireError
from protocols.masking.folding import (
    ProofShape,
    aggregator_vector,
    dealer_vector,
    first_coefficients,
    fold,
    fold_all,
    linear_side,
    powers,
    values,
)
from protocols.masking.kernels.folding_kernels import NODES
from protocols.masking.pads import PadPurpose, PadSource
from protocols.masking.transcript import Question, Transcript
from protocols.masking.words import MASK, require_canonical


@final
@dataclass(frozen=True, slots=True, eq=False)
class MaskedBits:
    """The masked bits of a round's words, and the proof of their ranges.

    Attributes:
        e: uint64[n].
        rows: uint64[sent, 2], numbers below p, fold after fold.
    """

    e: U64 = field(repr=False)
    rows: U64 = field(repr=False)

    def require_canonical(self, shape: ProofShape) -> None:
        """Refuse what no honest client sends.

        Raises:
            WireError: another number of words or of rows, a bit outside of a word's range, or a number of p or more.
        """
        if self.rows.shape != (shape.sent, 2):
            raise WireError(
                f"got {len(self.rows)} elements of a proof; the rows of the round's shape have {shape.sent}"
            )
        require_canonical(self.rows.reshape(-1), P, self.rows.size, "a proof")
        require_canonical(self.e, 2 ** (shape.width + 1), shape.n, "masked bits")
        if np.any(self.e & ~shape.masks):
            raise WireError("a masked bit is outside of its word's range; masks are cut to the range")


@final
@dataclass(frozen=True, slots=True)
class ProofPart:
    """What one side's folds come to.

    Attributes:
        element: what is left of its vector.
        claim: its share of what the product should be.
    """

    element: Element = field(repr=False)
    claim: Element = field(repr=False)


def bit_pads(source: PadSource, number: RoundNumber, shape: ProofShape) -> U64:
    """Return the masks of the bits of a round's words, uint64[n]."""
    return source.stream(PadPurpose.BITS, number, shape.n) & shape.masks


def _proof_masks(source: PadSource, number: RoundNumber, shape: ProofShape) -> tuple[U64, U64]:
    """Return the masks of all rows, uint64[sent, 2], and of the dealer's vector, uint64[2]."""
    masks = from_words(source.stream(PadPurpose.PROOF, number, 2 * (shape.sent + 1))).reshape(-1, 2)
    return masks[:-1], masks[-1]


def mask_bits(x: U64, d: U64, pads: U64, *, masks: U64, shape: ProofShape) -> U64:
    """Return E: the bits of words and the wrap bit, masked.

    Args:
        x: uint64[n], words modulo 2**58; the bits of a word out of its range are cut, and its proof fails.
        d: uint64[n], masked words.
        pads: uint64[n], of the words.
        masks: uint64[n], of the bits.
        shape: of the round.
    """
    wrapped = (d < pads).astype(np.uint64) << np.uint64(shape.width)
    return (x & shape.masks & np.uint64((1 << shape.width) - 1) | wrapped) ^ masks


def prove(source: PadSource, number: RoundNumber, shape: ProofShape, *, transcript: Transcript, e: U64) -> U64:
    """Return the rows of the proof, uint64[sent, 2], for bits `e` that `transcript` has begun with."""
    a = bit_pads(source, number, shape)
    masks, behind = _proof_masks(source, number, shape)
    rho = transcript.question().coefficients(shape.n)
    rows = np.empty_like(masks)
    first, *later = zip(shape.rows(rows), shape.rows(masks), strict=True)
    r = _send(first, first_coefficients(shape, e, a, rho), transcript)
    left, right = aggregator_vector(shape, e, rho, r), dealer_vector(shape, a, r, behind)
    for each in later:
        r = _send(each, values(left, right), transcript)
        left, right = fold(left, r), fold(right, r)
    return rows


def _send(row_and_mask: tuple[U64, U64], numbers: U64, transcript: Transcript) -> Element:
    """Write down a masked row, and return the challenge that follows it."""
    row, mask = row_and_mask
    row[:] = subtract(numbers, mask)
    return transcript.challenge(row)


def examine(bits: MaskedBits, d: U64, shape: ProofShape, transcript: Transcript) -> tuple[ProofPart, Question]:
    """Return an aggregator's part of a proof, and what it asks the dealer.

    Raises:
        WireError: the words, bits or rows are not canonical.
    """
    require_canonical(d, int(MASK) + 1, shape.n, "masked words")
    bits.require_canonical(shape)
    for row in shape.rows(bits.rows):
        transcript.challenge(row)
    question = transcript.question()
    rho = question.coefficients(shape.n)
    left = aggregator_vector(shape, bits.e, rho, question.challenges[0])
    claim = _claim(shape.rows(bits.rows), linear_side(shape, bits.e, d, rho, sign=-1), question.challenges)
    return ProofPart(fold_all(left, question.challenges[1:]), claim), question


def answer(source: PadSource, number: RoundNumber, shape: ProofShape, *, pads: U64, question: Question) -> ProofPart:
    """Return the dealer's part of a proof.

    Args:
        source: the client's seed.
        number: of the round.
        shape: of the round.
        pads: uint64[n], of the words that are checked.
        question: what both aggregators ask, the same.

    Raises:
        WireError: another number of challenges than the shape has folds.
    Security: one question of a client and round is answered, ever: two answers would be two equations of its bits.
    """
    if len(question.challenges) != shape.rounds or any(not NODES <= r[0] < P or r[1] >= P for r in question.challenges):
        raise WireError(f"got challenges for {len(question.challenges)} folds; the round has {shape.rounds}")
    a, rho = bit_pads(source, number, shape), question.coefficients(shape.n)
    masks, behind = _proof_masks(source, number, shape)
    right = dealer_vector(shape, a, question.challenges[0], behind)
    claim = _claim(shape.rows(masks), linear_side(shape, a, pads, rho, sign=1), question.challenges)
    return ProofPart(fold_all(right, question.challenges[1:]), claim)


def holds(aggregator: ProofPart, dealer: ProofPart) -> bool:
    """Tell whether a client's words are in their ranges."""
    return product(aggregator.element, dealer.element) == plus(aggregator.claim, dealer.claim)


def _claim(rows: list[U64], claim: Element, challenges: tuple[Element, ...]) -> Element:
    """Return one party's share of the claim after all folds, from its share of each row."""
    (first, *later), (r, *further) = (list(map(elements, rows)), challenges)
    half = len(first) // 2
    claim = inner_product(powers(r, len(first) + 1), (*first[:half], claim, *first[half:]))
    for row, r in zip(later, further, strict=True):
        at_three = minus(claim, plus(*row[:3]))
        claim = inner_product(lagrange(r, NODES), (*row[:3], at_three, *row[3:]))
    return claim
