"""What the parties of the masked backend send each other; each names its run and round, and is signed."""

from typing import Annotated, ClassVar, final

import msgspec
import numpy as np

from protocols.arithmetic.extension_field import P
from protocols.arithmetic.fixed_point import U64
from protocols.errors import WireError
from protocols.identity.attachment import AttachingMessage, PartHashes
from protocols.masking.envelope import SignedMessage, encode
from protocols.masking.folding import ProofShape
from protocols.masking.range_proof import MaskedBits, ProofPart
from protocols.masking.transcript import Question
from protocols.masking.words import MASK, WORD_BYTES, require_canonical, unpack

Number = Annotated[int, msgspec.Meta(ge=0, le=2**34)]
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Block = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Residue = Annotated[int, msgspec.Meta(ge=0, lt=P)]
Pair = tuple[Residue, Residue]


class RunMessage(AttachingMessage, frozen=True, forbid_unknown_fields=True, array_like=True, tag=True, kw_only=True):
    """One message of a run.

    Attributes:
        run: the manifest's hash.
        number: of the round.
    """

    run: Hash
    number: Number

    def __repr__(self) -> str:
        """Tell the kind and the round, and nothing of what is in it."""
        return f"{type(self).__name__}({self.number})"


@final
class SeedNotice(RunMessage, frozen=True):
    """A client's seed, sealed to the dealer, with its counter; valid from the round that it names."""

    client: str
    counter: Number
    sealed: bytes


@final
class WordsNotice(RunMessage, frozen=True):
    """A client's masked words of a round, with masked bits and their proof; the same goes to both aggregators.

    Where a norm is proved too, it tells numbers modulo p, masked.
    """

    LONG: ClassVar[tuple[str, ...]] = ("d", "e", "numbers")

    client: str
    counter: Number
    d: bytes = b""
    e: bytes = b""
    rows: bytes = b""
    numbers: bytes = b""

    @property
    def context(self) -> bytes:
        """Return the name of the message, which its proof is bound to."""
        return encode(WordsNotice(run=self.run, number=self.number, client=self.client, counter=self.counter))

    def hashes(self, known: PartHashes) -> bytes:
        """Return the hashes of all that the proof is about, one after the other."""
        return b"".join(known.of(part) for part in (self.d, self.e, self.numbers))

    def words(self, count: int) -> U64:
        """Return d, uint64[count].

        Raises:
            WireError: another number of words, or one that is not reduced modulo 2**58.
        """
        words = from_bytes(self.d)
        require_canonical(words, int(MASK) + 1, count, "masked words")
        return words

    def bits(self, shape: ProofShape) -> MaskedBits:
        """Return the masked bits and the rows.

        Raises:
            WireError: another number of rows than the shape has folds.
        """
        rows = from_bytes(self.rows)
        if rows.size != shape.sent * 2:
            raise WireError(f"got {rows.size} numbers of a proof; the rows of the round's shape have {2 * shape.sent}")
        e = unpack(self.e, shape.width + 1, shape.n)
        return MaskedBits(e, rows.reshape(shape.sent, 2), from_bytes(self.numbers))


@final
class StepNotice(RunMessage, frozen=True):
    """The public words that the engine announces for a step: synthetic agents' part of cell totals."""

    words: bytes


@final
class KeyCommitment(RunMessage, frozen=True):
    """An aggregator's commitment to its part of the aggregators' common key."""

    digest: Hash


@final
class KeyContribution(RunMessage, frozen=True):
    """What an aggregator has committed to."""

    part: Hash


@final
class Offer(RunMessage, frozen=True):
    """What an aggregator has heard in a round, as hashes, so that the other can hand on what it lacks."""

    hashes: dict[str, tuple[Hash, ...]]


@final
class Closing(RunMessage, frozen=True):
    """Whom an aggregator has heard in a round, and what the engine announced, as one hash."""

    digest: Hash


class ClientQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What is asked of one client's proof."""

    client: str
    counter: Number
    rho: Hash
    challenges: tuple[Pair, ...]

    @classmethod
    def of(cls, client: str, counter: int, question: Question) -> "ClientQuestion":
        """Return what is asked of a client's proof."""
        return cls(client, counter, question.rho, question.challenges)

    @property
    def question(self) -> Question:
        """Return what the dealer answers."""
        return Question(self.rho, self.challenges)


@final
class ProofQuestion(RunMessage, frozen=True):
    """The first question of a round, which both aggregators ask alike: the dealer's part of each client's proof.

    Attributes:
        announcement: the hash of what the engine announced.
        seeds: of those whose words a fresh one masks, at the beginning of a step.
        clients: those whose words may count, in the manifest's order.
    """

    announcement: Hash
    seeds: tuple[SignedMessage, ...]
    clients: tuple[ClientQuestion, ...]


class ClientAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """The dealer's part of one client's proof."""

    client: str
    element: Pair
    claim: Pair

    @property
    def part(self) -> ProofPart:
        """Return the part."""
        return ProofPart(self.element, self.claim)

    def __repr__(self) -> str:
        """Tell whose it is."""
        return f"ClientAnswer({self.client})"


@final
class ProofAnswer(RunMessage, frozen=True):
    """The dealer's parts; a client whose seed does not open has none."""

    clients: tuple[ClientAnswer, ...]


@final
class RangeVerdict(RunMessage, frozen=True):
    """Which members' words are in their ranges, as one aggregator finds by itself."""

    accepted: tuple[str, ...]


@final
class ReleaseQuestion(RunMessage, frozen=True):
    """The second question of a step, asked alike: pads of what is released, and what comparisons begin from."""

    announcement: Hash
    accepted: tuple[str, ...]


@final
class ReleaseAnswer(RunMessage, frozen=True):
    """What the dealer tells one aggregator.

    Attributes:
        pads: of the released words, added up over the accepted, less the dealer's noise; 0 of what stays closed.
            Nothing where small counts are suppressed.
        offsets: r - r0 of each comparison, and of each sum, r less its mask.
        node_key: of the run's hash.
        share: this aggregator's keys of comparisons, as views: they are long, and are not copied.
        products: its shares of the products that levels take; empty where they take none.
        counts: its shares of what suppresses small counts; empty where they are not.
    """

    LONG: ClassVar[tuple[str, ...]] = ("share", "products", "counts")

    pads: bytes
    offsets: bytes
    node_key: Hash
    share: tuple[memoryview, ...]
    products: tuple[memoryview, ...] = ()
    counts: tuple[memoryview, ...] = ()


@final
class LevelShare(RunMessage, frozen=True):
    """An aggregator's shares of masked levels of which some have begun anew, and their tags."""

    shares: bytes
    tags: bytes


@final
class OpeningShare(RunMessage, frozen=True):
    """What an aggregator opens of comparisons by a tree, level by level, and at last the proof of it.

    Attributes:
        part: which of the messages of a round it is.
    """

    LONG: ClassVar[tuple[str, ...]] = ("words",)

    part: Number
    words: bytes


@final
class OpeningQuestion(RunMessage, frozen=True):
    """The last question of a decision, asked alike: the dealer's part of the proof of either aggregator's openings."""

    challenges: tuple[tuple[Block, ...], ...]


@final
class OpeningAnswer(RunMessage, frozen=True):
    """The dealer's part of the other aggregator's proof."""

    element: Block
    claim: Block


@final
class BitQuestion(RunMessage, frozen=True):
    """What an aggregator asks once the other's openings are proved, and not before: what the bits are masked by."""


@final
class BitAnswer(RunMessage, frozen=True):
    """What turns bits under masks of the dealer into bits under masks of the clients, in words of 64 agents each."""

    masks: bytes


@final
class CountShare(RunMessage, frozen=True):
    """An aggregator's shares of masked bits or counts while small ones are suppressed, and the tags of counts.

    Attributes:
        part: which of the messages of a round it is.
    """

    part: Number
    shares: bytes
    tags: bytes


@final
class ClientReply(RunMessage, frozen=True):
    """What an aggregator tells a client, or the engine, when a round is over.

    Attributes:
        client: to whom.
        accepted: whose words counted.
        announcement: the words that the engine announced.
        release: what the round opens to all.
        answers: outcome by outcome, this aggregator's shares of the labels of the client's bits, or masked sums.
        refused: whose words were out of range.
    """

    client: str
    accepted: tuple[str, ...]
    announcement: bytes
    release: bytes
    answers: bytes
    refused: tuple[str, ...] = ()


@final
class AttendanceNotice(RunMessage, frozen=True):
    """What an aggregator tells a client that comes back in a round, of the rounds before.

    Attributes:
        client: to whom.
        counted: the rounds in which its words counted, and the hash of the message that they came in.
        public: the environment's numbers of every step that is over, int64.
    """

    client: str
    counted: tuple[tuple[Number, Hash], ...]
    public: bytes


@final
class ReturnNotice(RunMessage, frozen=True):
    """What an aggregator tells the other one when it has been started again, and goes on with a round.

    Attributes:
        head: of its ledger before the round.
    """

    head: Hash


@final
class Stop(RunMessage, frozen=True):
    """The end of a run, for all."""

    reason: str


def to_bytes(words: U64) -> bytes:
    """Return words in the order of bytes that every party uses."""
    return words.astype("<u8", copy=False).tobytes()


def view(words: U64) -> memoryview:
    """Return the bytes of `to_bytes`, without a copy of them where this machine keeps them in this order."""
    return np.ascontiguousarray(words, dtype="<u8").reshape(-1).data.cast("B") if words.size else memoryview(b"")


def from_bytes(content: bytes | memoryview) -> U64:
    """Return words from bytes.

    Raises:
        WireError: no whole number of words.
    """
    if len(content) % WORD_BYTES:
        raise WireError(f"got {len(content)} bytes of words; a word has {WORD_BYTES}")
    return np.frombuffer(content, dtype="<u8").astype(np.uint64)
