"""A client's proof that each of its words is in its range, checked by two who know one part each: d, and the pad.

Where the words are a vector with a norm bound (`norm.py`), the same proof holds the bound.

The client sends d, E and the rows of the proof to both aggregators. Each asks the dealer for its part, with the same
question, and decides by itself.

Security: an aggregator sees uniform words: d and E are masked by pads, rows by masks, and of the dealer's two numbers
    one is masked and the other follows. The dealer sees hashes alone. A client with a word out of its range passes with
    probability of some 2**-115 for each hash that it tries.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
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
    plus,
    powers,
    product,
    scale,
    subtract,
    vector,
)
from protocols.arithmetic.fixed_point import U64
from protocols.errors import WireError
from protocols.masking.folding import (
    NONE,
    ProofShape,
    first_coefficients,
    first_fold,
    fold,
    linear_sides,
    stack,
    values,
)
from protocols.masking.kernels import element_folding
from protocols.masking.kernels.choice import kernels_for
from protocols.masking.kernels.element_folding import LONGEST
from protocols.masking.kernels.folding_kernels import NODES, SENT, shorter
from protocols.masking.norm import HALVES
from protocols.masking.pads import PadPurpose, PadSource
from protocols.masking.transcript import Question, Transcript
from protocols.masking.words import MASK, WORD_BYTES, count_bytes, require_canonical, unpack

NOTHING: Final = np.zeros(0, dtype=np.uint64)
WIDEST_STACK: Final = 2**14  # elements of proofs that are computed side by side; longer ones gain nothing by it


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
    size = count_bytes(shape.width + 1, shape.n)
    stream = source.stream(PadPurpose.BITS, number, _words_of_bits(shape)).view(np.uint8).data[:size]
    return unpack(stream, shape.width + 1, shape.n) & shape.masks


def _words_of_bits(shape: ProofShape) -> int:
    return -(-count_bytes(shape.width + 1, shape.n) // WORD_BYTES)


def number_pads(source: PadSource, number: RoundNumber, shape: ProofShape) -> U64:
    """Return the masks of what is told modulo p, uint64[shape.numbers]."""
    return from_words(source.stream(PadPurpose.NUMBERS, number, shape.numbers)) if shape.numbers else NOTHING


def streams_of(shape: ProofShape) -> dict[PadPurpose, int]:
    """Return how many words of which streams mask a proof."""
    return {
        PadPurpose.BITS: _words_of_bits(shape),
        PadPurpose.NUMBERS: shape.numbers,
        PadPurpose.PROOF: 2 * (shape.sent + 1),
    }


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


def mask(
    source: PadSource, number: RoundNumber, shape: ProofShape, *, x: U64, d: U64, pads: U64
) -> tuple[U64, U64, U64]:
    """Return the masks of bits, masked bits, and what is told modulo p, of x that travels as d under `pads`."""
    masks = bit_pads(source, number, shape)
    if shape.norm is None:
        return masks, mask_bits(x, d, pads, masks=masks, shape=shape), NOTHING
    numbers, unmasked = shape.norm.numbers(x), np.zeros(HALVES, dtype=np.uint64)
    x, d, pads = (np.concatenate(each) for each in ((x, numbers[-HALVES:]), (d, unmasked), (pads, unmasked)))
    told = add(numbers, number_pads(source, number, shape))
    return masks, mask_bits(x, d, pads, masks=masks, shape=shape), told


def prove(
    source: PadSource,
    number: RoundNumber,
    shape: ProofShape,
    *,
    transcript: Transcript,
    masks: U64,
    e: U64,
    told: U64 = NOTHING,
) -> U64:
    """Return the rows of the proof, uint64[sent, 2], for bits `e` under `masks` that `transcript` has begun with.

    `told` are the numbers modulo p of a norm, which it has begun with too.
    """
    known, his = shape.spread(e), shape.spread(masks)
    hidden, behind = _proof_masks(source, number, shape)
    weights = transcript.question().coefficients(shape.terms + 1)
    rows = np.empty_like(hidden)
    first, *later = zip(shape.rows(rows), shape.rows(hidden), strict=True)
    r = _send(first, first_coefficients(shape, known, his, weights[:-1]), transcript)
    rest = np.concatenate([_factors(shape, number_pads(source, number, shape), ONE), behind[None]])
    of_both = [_factors_twice(shape, told, weights[-1], r), rest]
    x = first_fold([shape] * 2, [r] * 2, [known, his], [weights[:-1]], of_both)
    while later and x.shape[1] > LONGEST:
        r = _send(later.pop(0), values(*x), transcript)
        x = fold(x, r)
    _send_short(later, (elements(x[0]), elements(x[1])), transcript)
    return rows


def _send_short(
    rows: list[tuple[U64, U64]], sides: tuple[Sequence[Element], Sequence[Element]], transcript: Transcript
) -> None:
    """Write down the last rows, of vectors that are short by then."""
    for each in rows:
        at_nodes = element_folding.values(*sides)
        r, size = _send(each, vector([at_nodes[node] for node in SENT]), transcript), shorter(len(sides[0]))
        first, second = (element_folding.fold(side, r, size) for side in sides)
        sides = first, second


def _send(row_and_mask: tuple[U64, U64], numbers: U64, transcript: Transcript) -> Element:
    """Write down a masked row, and return the challenge that follows it."""
    row, mask = row_and_mask
    row[:] = subtract(numbers, mask)
    return transcript.challenge(row)


def _factors(shape: ProofShape, numbers: U64, weight: Element) -> U64:
    """Return what a norm multiplies: the leading bits of each entry as one side knows them, times a weight."""
    return NONE if shape.norm is None else scale(numbers[: shape.products, None], vector([weight]))


def _factors_twice(shape: ProofShape, numbers: U64, rho: U64, r: Element) -> U64:
    """Return what it multiplies at the aggregators, times what a product counts for, which stands at r**(arity - 1)."""
    if shape.norm is None:
        return NONE
    return _factors(shape, numbers, product(plus(*[element(rho)] * 2), powers(r, shape.arity)[-1]))


@final
@dataclass(frozen=True, slots=True, eq=False)
class ProofSide:
    """What one side knows of a client's proof: what was sent an aggregator, and what masks it the dealer.

    Attributes:
        shape: of the round.
        bits: uint64[terms], E or A in each linear equation.
        words: uint64[terms], d or pads, and f or g behind them.
        numbers: uint64[shape.numbers], f or g.
        rows: of the proof, or their masks.
        question: of this proof.
        behind: uint64[2], what stands in the dealer's vector alone; None at an aggregator.
    """

    shape: ProofShape
    bits: U64 = field(repr=False)
    words: U64 = field(repr=False)
    numbers: U64 = field(repr=False)
    rows: list[U64] = field(repr=False)
    question: Question
    behind: U64 | None = field(repr=False, default=None)

    @classmethod
    def of_aggregator(cls, bits: MaskedBits, d: U64, shape: ProofShape, transcript: Transcript) -> "ProofSide":
        """Take what a client has sent, with the question that follows from it.

        Raises:
            WireError: the words, bits or rows are not canonical.
        """
        require_canonical(d, int(MASK) + 1, shape.words, "masked words")
        bits.require_canonical(shape)
        rows = shape.rows(bits.rows)
        for row in rows:
            transcript.challenge(row)
        words = np.concatenate([d, bits.numbers])
        return cls(shape, shape.spread(bits.e), words, bits.numbers, rows, transcript.question())

    @classmethod
    def of_dealer(
        cls, source: PadSource, number: RoundNumber, shape: ProofShape, *, pads: U64, question: Question
    ) -> "ProofSide":
        """Expand what masks it.

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
        challenges = question.challenges
        if len(challenges) != shape.rounds or any(not NODES <= r[0] < P or r[1] >= P for r in challenges):
            raise WireError(f"got challenges for {len(challenges)} folds; the round has {shape.rounds}")
        masks, behind = _proof_masks(source, number, shape)
        bits, numbers = shape.spread(bit_pads(source, number, shape)), number_pads(source, number, shape)
        return cls(shape, bits, np.concatenate([pads, numbers]), numbers, shape.rows(masks), question, behind)

    def rest(self, rho: U64) -> U64:
        """Return what stands behind the bits after the first fold; `rho` is that of the norm."""
        if self.behind is None:
            return _factors_twice(self.shape, self.numbers, rho, self.question.challenges[0])
        return np.concatenate([_factors(self.shape, self.numbers, ONE), self.behind[None]])

    def linear(self, ranges: Element, rho: U64) -> Element:
        """Return this side's part of all linear equations, from that of the ranges."""
        if self.shape.norm is None:
            return ranges
        side = self.shape.norm.side(self.numbers, sign=-1 if self.behind is None else 1)
        return plus(ranges, product(element(rho), (side, 0)))


def parts_of(sides: Sequence[ProofSide]) -> tuple[ProofPart, ...]:
    """Return one party's part of each proof, of those of equal folds side by side.

    Security: each proof has challenges and a check of its own, as if it were alone: side by side they are computed, and
        not summed. So the soundness of each is that of one, whoever fails is known by that, and nobody's lie is made up
        for by another's.
    """
    parts: dict[int, ProofPart] = {}
    order = sorted(range(len(sides)), key=lambda place: (sides[place].shape.folds, sides[place].shape.length))
    for _, same in groupby(order, key=lambda place: sides[place].shape.folds):
        for places in _stacks(list(same), lambda place: sides[place].shape.length):
            parts |= zip(places, _side_by_side([sides[place] for place in places]), strict=True)
    return tuple(parts[place] for place in range(len(sides)))


def _stacks(places: list[int], length: Callable[[int], int]) -> Iterator[list[int]]:
    """Yield these places, so many at a time that the longest vectors of all of them together are not too long."""
    while places:
        count = 1
        while count < len(places) and (count + 1) * length(places[count]) <= WIDEST_STACK:
            count += 1
        yield places[:count]
        places = places[count:]


def _side_by_side(sides: Sequence[ProofSide]) -> list[ProofPart]:
    """Return the parts of proofs of the same number of folds."""
    shapes, bits = [each.shape for each in sides], [each.bits for each in sides]
    weights = [each.question.coefficients(each.shape.terms + 1) for each in sides]
    rho, last, is_dealer = [each[:-1] for each in weights], [each[-1] for each in weights], sides[0].behind is not None
    behind = [each.rest(own) for each, own in zip(sides, last, strict=True)]
    challenges = np.array([each.question.challenges for each in sides], dtype=np.uint64)
    firsts = [each.question.challenges[0] for each in sides]
    x = first_fold(shapes, firsts, bits, [] if is_dealer else rho, behind)
    left = elements(kernels_for(x.shape[0] * x.shape[1]).fold_all(x, challenges[:, 1:]))
    words = stack([each.words for each in sides])
    ranges = linear_sides(shapes[0], stack(bits), words, stack(rho), sign=1 if is_dealer else -1)
    linear = vector([each.linear(own, w) for each, own, w in zip(sides, ranges, last, strict=True)])
    rows = np.stack([np.concatenate(each.rows) for each in sides])
    claims = elements(kernels_for(words.size).claims(rows, linear, challenges))
    return [ProofPart(*each) for each in zip(left, claims, strict=True)]


def holds(aggregator: ProofPart, dealer: ProofPart) -> bool:
    """Tell whether a client's words are in their ranges."""
    return product(aggregator.element, dealer.element) == plus(aggregator.claim, dealer.claim)
