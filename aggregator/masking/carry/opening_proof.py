"""An aggregator's proof that what it opened is the linear function of what it was dealt that both can compute.

With random weights rho of all opened bits, one inner product of a vector that both aggregators know (of rho and the
coefficients) and one that the prover and the dealer know (its shares). The first fold takes the 64 bits of a word: with
U(X) = sum_b m_b x**b X**b and V(X) = sum_b s_b X**(63 - b) the coefficient of X**(63 + t) in U V is the word
m & (s << t), as an element; those of t != 0 are sent, the other one is what was opened. Later folds take four elements
at a time, as in proofs of ranges.

Security: the verifier sees rows under masks of the prover and the dealer, and an element of the dealer's under another.
    The dealer sees challenges, which are hashes with a key of the aggregators. An opening that is not what was dealt
    passes with 2**-100 at most for each hash that its prover tries.

Source: Boneh, Boyle, Corrigan-Gibbs, Gilboa, Ishai, Zero-knowledge proofs on secret-shared data via fully linear PCPs
    (Crypto 2019), section 4.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from aggregator.masking.carry.choice import kernels_for
from aggregator.masking.carry.field_kernels import (
    BITS,
    SHIFTS,
    WORD,
    FieldKernels,
    Lines,
    integers,
    lagrange,
    powers,
    product,
    vector,
)
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ResultsDiffer, WireError
from protocols.masking.kernels.folding_kernels import ARITY, NODES, SENT, round_up, shorter

FOLLOWS: Final = ARITY - 1  # the node whose value is not sent: with those of the others below it makes the claim
X: Final = 2
OUTSIDE: Final = 1 << BITS - 1  # challenges have this bit, so none is a node


@final
@dataclass(frozen=True, slots=True)
class OpeningShape:
    """What the number of dealt words fixes of a proof.

    Attributes:
        words: of all dealt planes of one aggregator.
    """

    words: int

    @property
    def folds(self) -> int:
        """Return how many folds there are, each with a row and a challenge."""
        folds, size = 1, round_up(self.words + 1)
        while size > 1:
            folds, size = folds + 1, shorter(size)
        return folds

    @property
    def sent(self) -> int:
        """Return of how many elements all rows are."""
        return len(SHIFTS) - 1 + len(SENT) * (self.folds - 1)

    def rows(self, elements: U64) -> list[U64]:
        """Return the rows of a proof, from all of its elements."""
        ends = range(len(SHIFTS) - 1, self.sent + 1, len(SENT))
        return np.split(elements, list(ends)[:-1])

    def require_challenges(self, challenges: tuple[bytes, ...]) -> list[int]:
        """Return the challenges of a question as elements.

        Raises:
            WireError: another number of them, or one that a proof has not.
        """
        elements = [int.from_bytes(each, "little") for each in challenges]
        if len(elements) != self.folds or any(not OUTSIDE <= each < 2 * OUTSIDE for each in elements):
            raise WireError(f"got challenges for {len(elements)} folds; proofs of openings have {self.folds}")
        return elements


@final
class OpeningTranscript:
    """Challenges of one aggregator's proof: hashes of all that was opened and sent, and of a key without the dealer.

    Security: with what was opened and sent alone the dealer could try levels out, as it knows all masks.
    """

    __slots__ = ("_state", "challenges")

    def __init__(self, key: bytes, opened: bytes, party: int) -> None:
        """Begin with the aggregators' key of the round, the hash of what both have opened, and whose proof it is."""
        self._state = hashlib.sha256(b"lpm openings %d" % party + key + opened).digest()
        self.challenges: tuple[int, ...] = ()

    def weights(self, count: int, kernels: FieldKernels) -> U64:
        """Return the weights of opened words, uint64[count, 2]: the powers of a random element."""
        base, out = self._element(b"weights"), np.empty((count, 2), dtype=np.uint64)
        out[:1], done = vector([1]), 1
        while done < count:
            size = min(done, count - done)
            out[done : done + size] = kernels.multiply(out[:size], vector([base]))
            base, done = product(base, base), done + size
        return out

    def challenge(self, row: U64) -> int:
        """Take in a row, and return where its polynomial is asked."""
        self._state = hashlib.sha256(self._state + row.astype("<u8").tobytes()).digest()
        self.challenges = (*self.challenges, self._element(b"challenge"))
        return self.challenges[-1]

    def _element(self, purpose: bytes) -> int:
        digest = hashlib.sha256(b"lpm opening " + purpose + self._state).digest()
        return int.from_bytes(digest[: BITS // 8], "little") | OUTSIDE


def prove(lines: Lines, dealt: U64, masks: U64, transcript: OpeningTranscript) -> U64:
    """Return the rows of the proof, uint64[sent, 2].

    Args:
        lines: of all that was opened.
        dealt: uint64[k, w], of this aggregator.
        masks: uint64[sent + 1, 2], of the rows and of the dealer's vector, which the dealer has too.
        transcript: of this aggregator's proof.
    """
    shape, kernels = OpeningShape(dealt.size), kernels_for(dealt.size)
    weights = _weights(lines, dealt.shape[1], transcript, kernels)
    rows = np.empty((shape.sent, 2), dtype=np.uint64)
    first, *later = zip(shape.rows(rows), shape.rows(masks[:-1]), strict=True)
    sums = kernels.correlate(lines, dealt, weights)
    r = _send(first, np.delete(sums, SHIFTS.index(0), axis=0), transcript)
    x = _verifier_vector(lines, dealt.shape, weights, r, kernels), _dealer_vector(dealt, masks[-1], r, kernels)
    for each in later:
        r = _send(each, _values(*x, kernels), transcript)
        x = _fold(x[0], r, kernels), _fold(x[1], r, kernels)
    return rows


def _send(row_and_mask: tuple[U64, U64], numbers: U64, transcript: OpeningTranscript) -> int:
    row, mask = row_and_mask
    row[:] = numbers ^ mask
    return transcript.challenge(row)


def _weights(lines: Lines, width: int, transcript: OpeningTranscript, kernels: FieldKernels) -> U64:
    count = len(lines.starts) - 1
    return transcript.weights(count * width, kernels).reshape(count, width, 2)


def _verifier_vector(lines: Lines, shape: tuple[int, ...], weights: U64, r: int, kernels: FieldKernels) -> U64:
    """Return what both aggregators know after the first fold, and zero where the dealer has a mask."""
    planes, width = shape
    out = np.zeros((round_up(planes * width + 1), 2), dtype=np.uint64)
    own, at_r = out[: planes * width].reshape(planes, width, 2), powers(product(X, r), WORD)
    for line, weight in enumerate(weights):
        terms = lines.terms(line)
        for place, plane in zip(lines.places[terms], lines.coefficients[terms], strict=True):
            own[place] ^= kernels.multiply(kernels.evaluate(plane, at_r), weight)
    return out


def _dealer_vector(dealt: U64, mask: U64, r: int, kernels: FieldKernels) -> U64:
    out = np.zeros((round_up(dealt.size + 1), 2), dtype=np.uint64)
    out[: dealt.size], out[dealt.size] = kernels.evaluate(dealt.reshape(-1), powers(r, WORD)[::-1]), mask
    return out


def _values(left: U64, right: U64, kernels: FieldKernels) -> U64:
    """Return the polynomial of a later fold at the nodes that are sent, uint64[6, 2]."""
    left, right, out = left.reshape(-1, ARITY, 2), right.reshape(-1, ARITY, 2), []
    for node in SENT:
        if node < ARITY:
            out.append(kernels.inner(left[:, node], right[:, node]))
        else:
            at_node = vector(lagrange(node, ARITY))
            out.append(kernels.inner(kernels.fold(left, at_node), kernels.fold(right, at_node)))
    return np.stack(out)


def _fold(x: U64, r: int, kernels: FieldKernels) -> U64:
    out = np.zeros((shorter(len(x)), 2), dtype=np.uint64)
    out[: len(x) // ARITY] = kernels.fold(x.reshape(-1, ARITY, 2), vector(lagrange(r, ARITY)))
    return out


@final
@dataclass(frozen=True, slots=True)
class OpeningPart:
    """What one side's folds come to.

    Attributes:
        element: what is left of its vector.
        claim: its share of what the product should be.
    """

    element: int = field(repr=False)
    claim: int = field(repr=False)


def verifier_part(lines: Lines, opened: U64, rows: U64, *, planes: int, transcript: OpeningTranscript) -> OpeningPart:
    """Return the part of whom something was opened to; `transcript` has the challenges then.

    Args:
        lines: of all that was opened.
        opened: uint64[j, w], by the prover.
        rows: uint64[2 * sent], of its proof.
        planes: how many it was dealt.
        transcript: of its proof.

    Raises:
        WireError: another number of rows than the shape has.
    """
    width = opened.shape[1]
    shape, kernels = OpeningShape(planes * width), kernels_for(planes * width)
    if rows.size != 2 * shape.sent:
        raise WireError(f"got {rows.size} words of a proof of openings; its shape has {2 * shape.sent}")
    rows = rows.reshape(shape.sent, 2)
    weights = _weights(lines, width, transcript, kernels)
    first, *later = [transcript.challenge(row) for row in shape.rows(rows)]
    claim = integers(kernels.weigh(opened.reshape(-1), weights.reshape(-1, 2)))[0]
    vector_ = _verifier_vector(lines, (planes, width), weights, first, kernels)
    return OpeningPart(_fold_all(vector_, later, kernels), _claim(shape, rows, claim, transcript.challenges))


def dealer_part(dealt: U64, masks: U64, challenges: list[int]) -> OpeningPart:
    """Return the dealer's part of an aggregator's proof.

    Args:
        dealt: uint64[k, w], to the prover.
        masks: uint64[sent + 1, 2], of the rows and of this side's vector.
        challenges: of all folds.
    """
    shape, kernels = OpeningShape(dealt.size), kernels_for(dealt.size)
    first, *later = challenges
    vector_ = _dealer_vector(dealt, masks[-1], first, kernels)
    return OpeningPart(_fold_all(vector_, later, kernels), _claim(shape, masks[:-1], 0, tuple(challenges)))


def _fold_all(x: U64, challenges: list[int], kernels: FieldKernels) -> int:
    for r in challenges:
        x = _fold(x, r, kernels)
    return integers(x)[0]


def _claim(shape: OpeningShape, rows: U64, claim: int, challenges: tuple[int, ...]) -> int:
    """Return what one side's rows, or masks of rows, make of its share of the first claim."""
    first, *later = map(integers, shape.rows(rows))
    coefficients, (r, *others) = [*first[: WORD - 1], claim, *first[WORD - 1 :]], challenges
    claim = 0
    for each in reversed(coefficients):
        claim = product(claim, r) ^ each
    for row, r in zip(later, others, strict=True):
        follows = claim
        for value in row[:FOLLOWS]:
            follows ^= value
        at_nodes, claim = [*row[:FOLLOWS], follows, *row[FOLLOWS:]], 0
        for value, weight in zip(at_nodes, lagrange(r, NODES), strict=True):
            claim ^= product(value, weight)
    return claim


def require(verifier: OpeningPart, dealer: OpeningPart) -> None:
    """Refuse openings that are not what was dealt.

    Raises:
        ResultsDiffer: they are not.
    """
    if product(verifier.element, dealer.element) != verifier.claim ^ dealer.claim:
        raise ResultsDiffer("the other aggregator opened bits that were not dealt; the run stops here")
