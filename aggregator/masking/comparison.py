"""A comparison of masked numbers, of which no server learns the bit and whose tampering a client sees.

Both aggregators know z = threshold - level + r modulo 2**58; the dealer knows r. A difference below 2**l in absolute
value is compared modulo 2**(l + 1), which divides 2**58: l is what the ranges of the whole run prove. The dealer deals
keys for a random r0, and later the offset r - r0, both modulo 2**(l + 1), so that keys may be dealt ahead. With
s = z - r, the bit is the top bit of s:

    s_top = z'_top XOR r0_top XOR [z'_low < r0_low]         z' = z - (r - r0)

Each summand times Delta is shared between the aggregators by XOR, Delta being a label of 64 bits that the client and
the dealer know. So what both tell the client XORs to 0 or Delta, and to anything else if either lies, whatever the bit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from aggregator.masking.comparison_key import ComparisonKey, NodeHash, deal
from aggregator.masking.trees.key_memory import KeyMemory
from aggregator.masking.trees.tree_kernels import Corrections
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ResultsDiffer, WireError
from protocols.masking.messages import view
from protocols.masking.words import WIDTH, residue, top


@final
@dataclass(frozen=True, slots=True, eq=False)
class ComparisonShare:
    """What one aggregator holds of the comparisons of n agents.

    Attributes:
        key: of [z'_low < r0_low], times Delta.
        top_label: uint64[n], its XOR share of r0_top Delta.
        label: uint64[n], its XOR share of Delta.
    """

    key: ComparisonKey = field(repr=False)
    top_label: U64 = field(repr=False)
    label: U64 = field(repr=False)

    @classmethod
    def decode(cls, parts: tuple[memoryview, ...], *, party: int, n: int, bits: int = WIDTH - 1) -> "ComparisonShare":
        """Read what `encode_shares` wrote of one, of differences of so many bits.

        Raises:
            WireError: other sizes than those of n comparisons.
        """
        shapes = ((n, 2), (bits, n, 2), (bits, n), (n,), (n,), (n,))
        if [len(part) for part in parts] != [8 * math.prod(shape) for shape in shapes]:
            raise WireError(f"got keys of another size than those of {n} comparisons")
        root, nodes, payloads, last, top_label, label = (
            np.frombuffer(part, dtype="<u8").reshape(shape) for part, shape in zip(parts, shapes, strict=True)
        )
        return cls(ComparisonKey(party, root, Corrections(nodes, payloads, last)), top_label, label)

    def answer(self, node_hash: NodeHash, z: U64, *, offset: U64, mask: U64) -> U64:
        """Return what this aggregator tells the client, uint64[n].

        Args:
            node_hash: of the run.
            z: uint64[n], masked differences.
            offset: uint64[n], r - r0.
            mask: uint64[n], which both aggregators XOR to what they tell. Without it, the dealer and the client
                together could try levels out against one aggregator's share.
        """
        moved, bits = z - offset, len(self.key.corrections.nodes)
        below = self.key.evaluate(node_hash, moved & np.uint64(2**bits - 1))
        return below ^ self.top_label ^ self.label & (np.uint64(0) - top(moved, bits)) ^ mask


def encode_shares(
    shares: tuple[ComparisonShare, ComparisonShare],
) -> tuple[tuple[memoryview, ...], tuple[memoryview, ...]]:
    """Return what the dealer sends each: root, nodes, payloads, last and labels; what is common, once in memory."""
    first, second = shares
    corrections = first.key.corrections
    common = tuple(map(view, (corrections.nodes, corrections.payloads, corrections.last)))
    one, other = (
        (view(share.key.root), *common, view(share.top_label), view(share.label)) for share in (first, second)
    )
    return one, other


def deal_comparison(
    delta: U64,
    *,
    node_hash: NodeHash,
    draw: Callable[[int], U64],
    masks: U64 | None = None,
    bits: int = WIDTH - 1,
    memory: KeyMemory | None = None,
) -> tuple[U64, tuple[ComparisonShare, ComparisonShare]]:
    """Return r0, uint64[n], which stays with the dealer, and what each aggregator gets.

    The aggregators may be told r - r0 modulo 2**(bits + 1) and no more of it: r0 hides no higher bit of r.

    Args:
        delta: uint64[n], the labels.
        node_hash: of the run.
        draw: fresh words of the system's randomness, for nothing else: two dealings from one stream would share roots,
            and their difference would show labels.
        masks: uint64[n], of the bits, 0 or 1, where whoever opens them must not learn them.
        bits: l, of what is compared with 0, without its sign.
        memory: for the keys.
    """
    n = delta.size
    r0 = draw(n) & np.uint64(2 ** (bits + 1) - 1)
    keys = deal(r0 & np.uint64(2**bits - 1), delta, bits=bits, node_hash=node_hash, draw=draw, memory=memory)
    top_label, label = draw(n), draw(n)
    constant = top(r0, bits) if masks is None else top(r0, bits) ^ masks
    shares = ((top_label, label), (top_label ^ delta & (np.uint64(0) - constant), label ^ delta))
    first, second = (ComparisonShare(key, *share) for key, share in zip(keys, shares, strict=True))
    return r0, (first, second)


@final
@dataclass(frozen=True, slots=True, eq=False)
class BitShare:
    """What one aggregator holds of n comparisons with 0 whose masked bits both aggregators learn, and nobody the bits.

    Each comparison is dealt twice. Of the first n aggregator 0 has the labels, and the other tells it what it has; of
    the last n aggregator 1. So who is told a bit holds what shows a lie, and who tells it does not.

    Attributes:
        share: of 2 n comparisons.
        offsets: uint64[2 n].
        labels: uint64[n], of the half that this aggregator opens.
    """

    share: ComparisonShare = field(repr=False)
    offsets: U64 = field(repr=False)
    labels: U64 = field(repr=False)

    @classmethod
    def decode(cls, parts: tuple[memoryview, ...], *, party: int, n: int) -> "BitShare":
        """Read what `deal_bits` wrote of one.

        Raises:
            WireError: other sizes than those of n bits.
        """
        share = ComparisonShare.decode(parts[:-2], party=party, n=2 * n)
        if [len(part) for part in parts[-2:]] != [16 * n, 8 * n]:
            raise WireError(f"got offsets and labels of another size than those of {n} bits")
        offsets, labels = (np.frombuffer(part, dtype="<u8") for part in parts[-2:])
        return cls(share, offsets, labels)

    def answer(self, node_hash: NodeHash, x: U64) -> tuple[U64, U64]:
        """Return this aggregator's part of its own half, and what it tells the other, uint64[n] each.

        Args:
            node_hash: of the run.
            x: uint64[n], masked numbers that are compared with 0.
        """
        z = np.tile(residue(np.uint64(0) - x), 2)
        halves = np.split(self.share.answer(node_hash, z, offset=self.offsets, mask=np.zeros_like(z)), 2)
        return halves[self.share.key.party], halves[1 - self.share.key.party]

    def open(self, own: U64, told: U64) -> U64:
        """Return where a number is above 0, XOR the dealer's masks, uint64[n].

        Raises:
            ResultsDiffer: what the other told is not what follows from what was dealt, whatever the bit.
            WireError: it told another number of words.
        """
        if told.size != own.size:
            raise WireError(f"got {told.size} words of {own.size} bits")
        labels = own ^ told
        is_one = labels == self.labels
        if not np.all(is_one | (labels == 0)):
            raise ResultsDiffer("the other aggregator told a bit that was not dealt; the run stops here")
        bits: U64 = is_one.astype(np.uint64)
        return bits


def deal_bits(
    pads: U64, masks: U64, *, node_hash: NodeHash, draw: Callable[[int], U64]
) -> tuple[tuple[memoryview, ...], tuple[memoryview, ...]]:
    """Return what each aggregator gets of bits that tell which numbers are above 0.

    Args:
        pads: uint64[n], of the numbers.
        masks: uint64[n], of the bits, 0 or 1.
        node_hash: of the run.
        draw: fresh words of the system's randomness.
    """
    labels = draw(2 * pads.size) | np.uint64(1)
    r0, shares = deal_comparison(labels, node_hash=node_hash, draw=draw, masks=np.tile(masks, 2))
    offsets = residue(np.uint64(0) - np.tile(pads, 2) - r0)
    one, other = (
        (*parts, view(offsets), view(half))
        for parts, half in zip(encode_shares(shares), np.split(labels, 2), strict=True)
    )
    return one, other
