"""A client's proof that each of its words is in its range, checked by two who know one part each: d, and the pad.

Where the words are a vector with a norm bound (`norm.py`), the same proof holds the bound.

The client sends d, E and the rows of the proof to both aggregators. Each asks the dealer for its part, with the same
question, and decides by itself.

Security: an aggregator sees uniform words: d and E are masked by pads, rows by masks, and of the dealer's two numbers
    one is masked and the other follows. The dealer sees hashes alone. A client with a word out of its range passes with
    probability of some 2**-115 for each hash that it tries.
"""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.extension_field import (
    ONE,
    Element,
    P,
    add,
    element,
    elements,
    from_words,
    inner_product,
    lagrange,
    minus,
    plus,
    product,
    scale,
    subtract,
    vector,
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
from protocols.masking.norm import HALVES
from protocols.masking.pads import PadPurpose, PadSource
from protocols.masking.transcript import Question, Transcript
from protocols.masking.words import MASK, require_canonical

NOTHING: Final = np.zeros(0, dtype=np.uint64)


@final
@dataclass(frozen=True, slots=True, eq=False)
class MaskedBits:
    """The masked bits of a round's words, and the proof of their ranges.

    Attributes:
        e: uint64[n].
        rows: uint64[sent, 2], numbers below p, fold after fold.
        numbers: uint64[shape.numbers], what is told modulo p where a norm is proved too.
    """

    e: U64 = field(repr=False)
    rows: U64 = field(repr=False)
    numbers: U64 = field(repr=False, default_factory=lambda: NOTHING)

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
        require_canonical(self.numbers, P, shape.numbers, "a norm")
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


def number_pads(source: PadSource, number: RoundNumber, shape: ProofShape) -> U64:
    """Return the masks of what is told modulo p, uint64[shape.numbers]."""
    return from_words(source.stream(PadPurpose.NUMBERS, number, shape.numbers))


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


def mask(source: PadSource, number: RoundNumber, shape: ProofShape, *, x: U64, d: U64, pads: U64) -> tuple[U64, U64]:
    """Return masked bits of words, and what is told modulo p, of x that travels as d under `pads`."""
    masks = bit_pads(source, number, shape)
    if shape.norm is None:
        return mask_bits(x, d, pads, masks=masks, shape=shape), NOTHING
    numbers, unmasked = shape.norm.numbers(x), np.zeros(HALVES, dtype=np.uint64)
    x, d, pads = (np.concatenate(each) for each in ((x, numbers[-HALVES:]), (d, unmasked), (pads, unmasked)))
    told = add(numbers, number_pads(source, number, shape))
    return mask_bits(x, d, pads, masks=masks, shape=shape), told


def prove(
    source: PadSource, number: RoundNumber, shape: ProofShape, *, transcript: Transcript, e: U64, told: U64 = NOTHING
) -> U64:
    """Return the rows of the proof, uint64[sent, 2], for bits `e` that `transcript` has begun with.

    `told` are the numbers modulo p of a norm, which it has begun with too.
    """
    known, his = _ProofSide(shape, e, told), _ProofSide.of_dealer(source, number, shape)
    masks, behind = _proof_masks(source, number, shape)
    weights = transcript.question().coefficients(shape.terms + 1)
    rows = np.empty_like(masks)
    first, *later = zip(shape.rows(rows), shape.rows(masks), strict=True)
    r = _send(first, first_coefficients(shape, known.bits, his.bits, weights[:-1]), transcript)
    left, right = known.aggregator_vector(weights, r), his.dealer_vector(r, behind)
    for each in later:
        r = _send(each, values(left, right), transcript)
        left, right = fold(left, r), fold(right, r)
    return rows


def _send(row_and_mask: tuple[U64, U64], numbers: U64, transcript: Transcript) -> Element:
    """Write down a masked row, and return the challenge that follows it."""
    row, mask = row_and_mask
    row[:] = subtract(numbers, mask)
    return transcript.challenge(row)


@final
class _ProofSide:
    """What one side knows of a client's bits and numbers: E and f an aggregator, their masks the dealer."""

    __slots__ = ("bits", "numbers", "shape")

    def __init__(self, shape: ProofShape, bits: U64, numbers: U64) -> None:
        """Take the bits in each linear equation."""
        self.shape, self.bits, self.numbers = shape, shape.spread(bits), numbers

    @classmethod
    def of_dealer(cls, source: PadSource, number: RoundNumber, shape: ProofShape) -> "_ProofSide":
        """Expand the dealer's."""
        return cls(shape, bit_pads(source, number, shape), number_pads(source, number, shape))

    @property
    def _leading(self) -> U64:
        return self.numbers[: self.shape.products, None]

    def aggregator_vector(self, weights: U64, r: Element) -> U64:
        """Return the aggregators' vector after the first fold, where what a norm multiplies counts r**(arity - 1)."""
        twice = plus(*[element(weights[-1])] * 2)
        factors = scale(self._leading, vector([product(twice, powers(r, self.shape.arity)[-1])]))
        return aggregator_vector(self.shape, self.bits, weights[:-1], r, factors)

    def dealer_vector(self, r: Element, behind: U64) -> U64:
        """Return the dealer's vector after the first fold."""
        return dealer_vector(self.shape, self.bits, r, behind, scale(self._leading, vector([ONE])))

    def claim(self, words: U64, weights: U64, *, sign: int) -> Element:
        """Return this side's part of all linear equations."""
        words = np.concatenate([words, self.numbers])
        linear = linear_side(self.shape, self.bits, words, weights[:-1], sign=sign)
        if self.shape.norm is None:
            return linear
        return plus(linear, product(element(weights[-1]), (self.shape.norm.side(self.numbers, sign=sign), 0)))


def examine(bits: MaskedBits, d: U64, shape: ProofShape, transcript: Transcript) -> tuple[ProofPart, Question]:
    """Return an aggregator's part of a proof, and what it asks the dealer.

    Raises:
        WireError: the words, bits or rows are not canonical.
    """
    require_canonical(d, int(MASK) + 1, shape.words, "masked words")
    bits.require_canonical(shape)
    for row in shape.rows(bits.rows):
        transcript.challenge(row)
    question = transcript.question()
    weights, known = question.coefficients(shape.terms + 1), _ProofSide(shape, bits.e, bits.numbers)
    left = known.aggregator_vector(weights, question.challenges[0])
    claim = _claim(shape.rows(bits.rows), known.claim(d, weights, sign=-1), question.challenges)
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
    known, weights = _ProofSide.of_dealer(source, number, shape), question.coefficients(shape.terms + 1)
    masks, behind = _proof_masks(source, number, shape)
    right = known.dealer_vector(question.challenges[0], behind)
    claim = _claim(shape.rows(masks), known.claim(pads, weights, sign=1), question.challenges)
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
