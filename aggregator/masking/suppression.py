"""Suppression of small counts on masked counts, by the rule of `protocols.releases.suppression`.

Both aggregators know each count under a pad of the dealer's. In four messages to each other, of which each is checked
before the next one goes out, they learn what is released, and nothing else:

1. of each count, whether it is large enough: a bit under a mask;
2. of each count, it where it is large and else 0, under a pad, or of a cell its release; and that bit as a number;
3. of what is left for the suppressed counts eight bits, under masks;
4. of each stage its release: the number of message 2, or 0, as a table says whose place is the eight masked bits.

Sums in between are linear, so the aggregators reckon with masked numbers and the dealer with their pads. What one says
in place of what was dealt passes with probability 2**-63, whatever the counts are.

Source: Ishai, Kushilevitz, Meldgaard, Orlandi, Paskin-Cherniavsky, On the power of correlated randomness in secure
    computation (TCC 2013), the table; `product.py` and `comparison.py` have the others.
"""

import abc
import itertools
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from aggregator.masking.common_key import KeyAgreement
from aggregator.masking.comparison import BitShare, deal_bits
from aggregator.masking.comparison_key import NodeHash
from aggregator.masking.product import ProductShare, deal_products
from aggregator.masking.round_state import NOTHING
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import RoundAhead
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import CountShare, ReleaseAnswer, from_bytes, to_bytes
from protocols.masking.plans.run_plan import RunPlan
from protocols.masking.words import MASK, residue
from protocols.releases.suppression import FIRST, Suppression
from protocols.task.manifest import require_simulation
from protocols.task.release_plan import suppression_of

MESSAGES: Final = 4
FACTS: Final = 8  # bits of what is left for suppressed counts
BIT_PARTS: Final = 8  # of a message, which a `BitShare` takes
PRODUCT_PARTS: Final = 4  # and a `ProductShare`
SuppressionSteps = Generator[tuple[U64, U64], CountShare, U64]  # shares and tags to tell, what was told, the release


def _table() -> U64:
    """Return which stages are told, by the facts: uint64[2**8, 2], of the first stage and of the others."""
    rows = []
    for facts in itertools.product((0, 1), repeat=FACTS):
        stages, cells, few, few_cells, full, full_cells, enough, first = facts[::-1]
        trouble, beside = stages & (few | full), cells & (few_cells | full_cells)
        others = (1 - beside) & (1 - (trouble & (1 - (enough & first))))
        rows.append((others & (1 - trouble), others))
    return np.array(rows, dtype=np.uint64)


TOLD: Final = _table()


@final
@dataclass(frozen=True, slots=True, eq=False)
class CountRule:
    """What is suppressed, and what of it is released, in each replicate by itself.

    Replicates stand side by side: a count of each, then the next count of each.

    Attributes:
        rule: of the run.
        cells: how many of the counts of a replicate are cells; the others are stages.
        opened: uint64[(cells + q) * R], 1 of what is released, 0 of what stays closed.
        copies: R, replicates of the run.
    """

    rule: Suppression
    cells: int
    opened: U64
    copies: int = 1

    @classmethod
    def of(cls, plan: RunPlan) -> "CountRule":
        """Return a run's."""
        layout, rule = plan.layout, suppression_of(require_simulation(plan.manifest))
        return cls(rule, layout.cells // layout.copies, plan.release_mask().view(np.uint64), layout.copies)

    @property
    def stages(self) -> int:
        """Return the number of stages, in each replicate."""
        return self.opened.size // self.copies - self.cells

    @property
    def first_stage(self) -> int:
        """Return the place of the first count of a stage."""
        return self.cells * self.copies

    def margins(self, counts: U64, *, one: U64) -> U64:
        """Return by how much each count is above what is suppressed, as they stand; `one` is [1], of pads [0]."""
        return residue(counts - one * np.uint64(self.rule.min_count - 1))

    def facts(self, counts: U64, seen: U64, large: U64, *, agents: int, one: U64) -> U64:
        """Return eight numbers, uint64[8 * R]; what is left of suppressed counts is told by which are above 0.

        Args:
            counts: uint64[(cells + q) * R].
            seen: the same, counts where they are large, else 0.
            large: the same, 1 where they are.
            agents: of the clients that counted, each once.
            one: [1], or [0] where all these are pads.
        """
        counts, seen, large = (words.reshape(-1, self.copies) for words in (counts, seen, large))
        least, cells = np.uint64(self.rule.min_count), self.cells
        sizes = (self.stages, large[cells:]), (cells, large[:cells])
        suppressed = [one * np.uint64(size) - each.sum(axis=0, keepdims=True) for size, each in sizes]
        speaker, first = (slice(place, place + 1) for place in (cells + self.rule.speaker, cells + FIRST))
        left = [
            one * np.uint64(agents) - seen[cells:].sum(axis=0, keepdims=True),
            counts[speaker] - seen[:cells].sum(axis=0, keepdims=True),
        ]
        few = [one * least - each for each in left]
        full = [each - n * (least - np.uint64(1)) + one for each, n in zip(left, suppressed, strict=True)]
        enough = left[0] + seen[first] - one * (np.uint64(2) * least - np.uint64(1))
        return residue(np.concatenate([*suppressed, *few, *full, enough, seen[first]]).reshape(-1))


@final
@dataclass(frozen=True, slots=True, eq=False)
class SuppressionShare:
    """What one aggregator holds of the suppression of a round's counts: of each message, what it opens it with."""

    large: BitShare = field(repr=False)
    seen: ProductShare = field(repr=False)
    facts: BitShare = field(repr=False)
    told: ProductShare = field(repr=False)

    @classmethod
    def decode(cls, parts: tuple[memoryview, ...], rule: CountRule, *, party: int) -> "SuppressionShare":
        """Read what `deal_suppression` wrote of one.

        Raises:
            WireError: other sizes than those of the rule.
        """
        n, end = rule.opened.size, BIT_PARTS + PRODUCT_PARTS
        return cls(
            BitShare.decode(parts[:BIT_PARTS], party=party, n=n),
            ProductShare.decode(parts[BIT_PARTS:end], n=2 * n),
            BitShare.decode(parts[end : end + BIT_PARTS], party=party, n=FACTS * rule.copies),
            ProductShare.decode(parts[end + BIT_PARTS :], n=rule.stages * rule.copies, choices=2**FACTS),
        )


def suppress(
    share: SuppressionShare, rule: CountRule, counts: U64, *, agents: int, node_hash: NodeHash
) -> SuppressionSteps:
    """Yield what an aggregator tells the other, take what it is told, and return the release, as counts stand.

    Args:
        share: what the dealer dealt it.
        rule: of the run.
        counts: uint64[(cells + q) * R], masked.
        agents: of the clients that counted, each once.
        node_hash: of the run.

    Raises:
        ResultsDiffer: the other told what does not follow from what was dealt.
        WireError: it told another number of words.
    """
    one = np.ones(1, dtype=np.uint64)
    bits = yield from _learn(share.large, rule.margins(counts, one=one), node_hash)
    numbers = np.concatenate([counts, np.ones_like(counts)])
    seen, large = np.split((yield from _multiply(share.seen, numbers, np.tile(bits, 2))), 2)
    facts = rule.facts(counts, seen, large, agents=agents, one=one)
    place = _place((yield from _learn(share.facts, facts, node_hash)))
    told = yield from _multiply(share.told, seen[rule.first_stage :], np.tile(place, rule.stages))
    return np.concatenate([seen[: rule.first_stage], told])


def _learn(share: BitShare, numbers: U64, node_hash: NodeHash) -> SuppressionSteps:
    own, other = share.answer(node_hash, numbers)
    message = yield other, NOTHING
    return share.open(own, from_bytes(message.shares))


def _multiply(share: ProductShare, masked: U64, index: U64) -> SuppressionSteps:
    own, tags = share.answer(masked, index)
    message = yield own, tags
    return share.open(own, message, masked, index)


def _place(bits: U64) -> U64:
    """Return the number of each replicate's bits, uint64[R], the first one the lowest; of uint64[8 * R]."""
    rows = bits.reshape(FACTS, -1) << np.arange(FACTS, dtype=np.uint64)[:, None]
    place: U64 = np.bitwise_or.reduce(rows, axis=0)
    return place


def deal_suppression(
    rule: CountRule, pads: U64, noise: I64, *, node_hash: NodeHash, draw: Callable[[int], U64]
) -> tuple[tuple[memoryview, ...], tuple[memoryview, ...]]:
    """Return what each aggregator gets of the suppression of a round's counts.

    Args:
        rule: of the run.
        pads: uint64[(cells + q) * R], of the counts.
        noise: int64[(cells + q) * R], the dealer's, of the release.
        node_hash: of the run.
        draw: fresh words of the system's randomness.
    """
    n, cells, none, one = pads.size, rule.first_stage, np.zeros(1, dtype=np.uint64), np.uint64(1)
    masks, last = draw(n) & one, draw(FACTS * rule.copies) & one
    large = deal_bits(rule.margins(pads, one=none), masks, node_hash=node_hash, draw=draw)
    factors = np.tile(np.stack([masks, one - masks]), 2)
    opened = draw(4 * n).reshape(-1, 2)
    opened[:cells] = _with_low(opened[:cells], noise[:cells])
    seen = deal_products(factors, np.concatenate([pads, np.zeros_like(pads)]), opened, draw=draw)
    seen_pads, large_pads = np.split(residue(opened[:, 0]), 2)
    numbers = rule.facts(pads, seen_pads, large_pads, agents=0, one=none)
    facts = deal_bits(numbers, last, node_hash=node_hash, draw=draw)
    table = TOLD[np.arange(2**FACTS, dtype=np.uint64)[:, None] ^ _place(last)][:, None]
    is_first = (np.arange(rule.stages) == FIRST)[:, None]
    by_stage = np.where(is_first, table[..., 0], table[..., 1]).reshape(2**FACTS, -1) * rule.opened[cells:]
    released = _with_low(draw(2 * (n - cells)).reshape(-1, 2), noise[cells:])
    told = deal_products(by_stage, seen_pads[cells:], released, draw=draw)
    first, second = ((*large[party], *seen[party].encode(), *facts[party], *told[party].encode()) for party in (0, 1))
    return first, second


def _with_low(words: U64, low: I64) -> U64:
    """Return random words of 128 bits with these lowest 58: the others hide whether a masked number has wrapped."""
    out = words.copy()
    out[:, 0] = words[:, 0] & ~MASK | residue(low.view(np.uint64))
    return out


@dataclass(slots=True, eq=False)
class CountAgreement(KeyAgreement, abc.ABC):
    """What two aggregators tell each other where small counts are suppressed, message by message."""

    _steps: SuppressionSteps | None = field(init=False, repr=False, default=None)
    _next: CountShare | None = field(init=False, repr=False, default=None)

    def _begin_counts(self, dealt: ReleaseAnswer, counts: U64, *, agents: int) -> None:
        """Begin with what the dealer told of a round, and masked counts, as the layout has them."""
        rule, node_hash = CountRule.of(self.plan), NodeHash(dealt.node_key)
        share = SuppressionShare.decode(dealt.counts, rule, party=self.index)
        self._steps = suppress(share, rule, counts, agents=agents, node_hash=node_hash)
        self._put(next(self._steps), dealt.number, part=0)

    def _put(self, told: tuple[U64, U64], number: int, *, part: int) -> None:
        shares, tags = map(to_bytes, told)
        self._next = CountShare(run=self.plan.run, number=number, part=part, shares=shares, tags=tags)

    def share_counts(self) -> SignedMessage:
        """Return what this aggregator tells the other next."""
        with self.guard():
            message = self._require_counts()
            return self.send(message, name=f"counts {message.part}", sync=False)

    def open_counts(self, envelope: SignedMessage) -> None:
        """Take in what the other tells next, and after the last of it the release.

        Raises:
            ResultsDiffer: it does not follow from what the dealer dealt.
        """
        with self.guard():
            expected = self._require_counts()
            message = self.read(envelope, CountShare, sender=self._other)
            if (message.number, message.part) != (expected.number, expected.part) or self._steps is None:
                raise RoundAhead(f"counts of round {message.number} came out of their turn; the run stops here")
            try:
                self._put(self._steps.send(message), message.number, part=message.part + 1)
            except StopIteration as done:
                self._steps = self._next = None
                self._release(done.value)

    def _require_counts(self) -> CountShare:
        if self._next is None:
            raise RoundAhead("no counts are suppressed now; the run stops here")
        return self._next

    @abc.abstractmethod
    def _release(self, opened: U64) -> None:
        """Take in what was opened of a step."""
