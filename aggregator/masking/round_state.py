"""How far a round of an aggregator has come, and what it holds of it."""

import enum
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
import numpy as np

from aggregator.masking.carry.bit_opening import BitOpening
from aggregator.masking.carry.share import CarryShare
from aggregator.masking.collection import Collection, Examination
from aggregator.masking.comparison import ComparisonShare
from aggregator.masking.comparison_key import NodeHash
from aggregator.masking.product import ProductShare
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ResultsDiffer, WireError
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import ReleaseAnswer, from_bytes
from protocols.masking.plans.run_plan import RunPlan
from protocols.masking.words import require_canonical

NOTHING: Final = np.zeros(0, dtype=np.uint64)
TWO_THINGS: Final = "the aggregators asked the dealer two things; the run stops here"


@final
class RoundStage(enum.IntEnum):
    """How far a round has come; each comes once a round, and in this order."""

    OPEN = 0
    CLOSED = 1
    ASKED = 2
    CONFIRMED = 3
    JUDGED = 4
    ASKED_RELEASE = 5
    ACCEPTED = 6
    SHARED_LEVELS = 7
    OPENING = 8
    SUPPRESSING = 9
    DONE = 10


@final
class QuestionState(enum.Enum):
    """How far both aggregators have come with one question to the dealer."""

    BY_ONE = enum.auto()
    ALIKE = enum.auto()
    DIFFERENTLY = enum.auto()


@final
class QuestionPair:
    """The question of the dealer that comes next, until both aggregators have asked it.

    The first question of a round they may ask before they have told each other whom they heard: one that the other asks
    differently is let go of once, unanswered, and each asks anew. One that was let go of comes again where its sender
    was not told so, and is let go of again.
    """

    def __init__(self, parties: int) -> None:
        """Wait for so many parties to ask the same."""
        self._parties = parties
        self._let_go: set[tuple[str, bytes]] = set()  # who asked what
        self._waiting: dict[str, SignedMessage] = {}

    def take(self, envelope: SignedMessage, *, early: bool) -> QuestionState:
        """Take in what one party asks, which may be `early`.

        Raises:
            ResultsDiffer: they ask two things, and did so before or may not.
        """
        self._waiting[envelope.sender] = envelope
        asked = {(sender, each.content) for sender, each in self._waiting.items()}
        if len({content for _, content in asked}) > 1:
            if not early or (self._let_go and not self._let_go & asked):
                raise ResultsDiffer(TWO_THINGS)
            self._waiting, self._let_go = {}, self._let_go | asked
            return QuestionState.DIFFERENTLY
        if len(self._waiting) < self._parties:
            return QuestionState.BY_ONE
        self._waiting, self._let_go = {}, set()
        return QuestionState.ALIKE


@final
@dataclass(slots=True, eq=False)
class RoundState:
    """What one round comes to, as far as it has come."""

    collection: Collection
    stage: RoundStage = RoundStage.OPEN
    announcement: SignedMessage | None = None
    announced: I64 = field(default_factory=lambda: NOTHING.view(np.int64))
    examined: dict[str, Examination] = field(default_factory=dict, repr=False)
    ahead: dict[bytes, Examination] = field(default_factory=dict, repr=False)  # by what was signed, before the closing
    closing: bytes = b""
    question: bytes = b""
    accepted: tuple[str, ...] = ()
    release: U64 = field(default_factory=lambda: NOTHING, repr=False)
    exposures: U64 = field(default_factory=lambda: NOTHING, repr=False)
    level_shares: U64 = field(default_factory=lambda: NOTHING, repr=False)
    opening: BitOpening | None = field(default=None, repr=False)
    bits: U64 = field(default_factory=lambda: NOTHING, repr=False)  # masked, of all agents and outcomes


@final
class RoundCheckpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an aggregator that is started again goes on with, beside its journal.

    Attributes:
        number: of the round that comes next.
        levels: masked, after those before.
        question: the last one that asked for a release: the dealer answers it again.
        replies: of the last rounds, by number and by party.
        posted: what the other aggregator was sent in the last round.
    """

    number: RoundNumber
    levels: bytes
    question: SignedMessage | None
    replies: dict[int, dict[str, SignedMessage]]
    posted: tuple[SignedMessage, ...]

    def __repr__(self) -> str:
        """Tell the round, and nothing of what is in it."""
        return f"RoundCheckpoint({self.number})"


@final
class DealerCheckpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a dealer that is started again goes on with, beside its journal.

    Attributes:
        number: of the round that comes next.
        asked: the hash of all questions before.
        counters: of clients' seeds, the last ones.
        seeds: those that are open, and their counters.
        members: whose words counted.
        counted: the rounds in which each client's words counted.
        levels: of pads.
        opened: what masks the last products.
    """

    number: RoundNumber
    asked: bytes
    counters: dict[str, int]
    seeds: dict[str, tuple[int, bytes]]
    members: tuple[str, ...]
    counted: dict[str, tuple[int, ...]]
    levels: bytes
    opened: bytes | None

    def __repr__(self) -> str:
        """Tell the round, and nothing of what is in it."""
        return f"DealerCheckpoint({self.number})"


@final
@dataclass(frozen=True, slots=True, eq=False)
class NextComparison:
    """What the dealer dealt for the decision that comes next.

    Attributes:
        offsets: uint64[o, n]; zeros where none are told.
        node_hash: of keys.
        share: of comparisons, by keys or by a tree.
        products: of masked levels, where they take some.
    """

    offsets: U64 = field(repr=False)
    node_hash: NodeHash = field(repr=False)
    share: ComparisonShare | CarryShare = field(repr=False)
    products: ProductShare | None = field(repr=False)

    @classmethod
    def of(cls, plan: RunPlan, message: ReleaseAnswer, *, party: int) -> "NextComparison":
        """Read what the dealer told one aggregator.

        Raises:
            WireError: other sizes than those of the run's outcomes.
        """
        n, told, rows = plan.layout.n, from_bytes(message.offsets), list(plan.offset_rows)
        require_canonical(told, np.repeat(plan.offset_masks[rows] + np.uint64(1), n), n * len(rows), "offsets")
        offsets = np.zeros((len(plan.outcomes), n), dtype=np.uint64)
        offsets[rows] = told.reshape(len(rows), n)
        kind = CarryShare if plan.opens_bits else ComparisonShare
        share = kind.decode(message.share, party=party, n=n * len(plan.bits), bits=plan.difference_bits)
        products = ProductShare.decode(message.products, n=n * len(plan.products)) if plan.products else None
        return cls(offsets, NodeHash(message.node_key), share, products)


def refuse_surplus(plan: RunPlan, message: ReleaseAnswer) -> None:
    """Refuse what the dealer deals for what a round does not do.

    Raises:
        WireError: there is such a part.
    """
    number = RoundNumber(message.number)
    compares = plan.compares(number)
    takes = {
        "counts": plan.suppresses(number),
        "offsets": bool(plan.offset_rows) if compares else bool(plan.reveals(number)),
        "share": compares,
        "products": compares and bool(plan.products),
    }
    if surplus := [name for name, taken in takes.items() if getattr(message, name) and not taken]:
        raise WireError(f"the dealer dealt {' and '.join(surplus)}, which round {number} does not take")
