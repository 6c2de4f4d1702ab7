"""Keys of a comparison that two parties evaluate alone: a label where a public number is below a secret one.

f(x) = label for x < alpha, else 0, over GF(2)**64, for many agents at once. The keys of both parties share the
correction words; each has a root of its own.

Source: Boyle, Chandran, Gilboa, Gupta, Ishai, Kumar, Rathee, Function secret sharing for mixed-mode and fixed-point
    secure computation (Eurocrypt 2021), Fig. 1. Hash: one AES block of a fixed key, XOR the input (Matyas, Meyer,
    Oseas), with a random key for each run (Guo, Katz, Wang, Yu, IEEE S&P 2020).
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from aggregator.masking.trees.choice import trees_for
from aggregator.masking.trees.key_memory import KeyMemory
from aggregator.masking.trees.tree_kernels import LEFT, PAYLOAD, RIGHT, Corrections
from protocols.arithmetic.fixed_point import U64

AES_BYTES: Final = 16


@final
class NodeHash:
    """The three hashes that expand a node of the tree: to its left child, its right child, and both payload words.

    Attributes:
        keys: of AES-128.
    """

    __slots__ = ("keys",)

    def __init__(self, key: bytes) -> None:
        """Derive three AES keys from the run's one, 32 random bytes that both aggregators and the dealer know."""
        self.keys = tuple(
            hmac.digest(key, b"lpm node %d" % which, "sha256")[:AES_BYTES] for which in (LEFT, RIGHT, PAYLOAD)
        )


@final
@dataclass(frozen=True, slots=True, eq=False)
class ComparisonKey:
    """One party's key, for n agents and l bits.

    Attributes:
        party: 0 or 1.
        root: uint64[n, 2], this party's own.
        corrections: of both parties.
    """

    party: int
    root: U64 = field(repr=False)
    corrections: Corrections = field(repr=False)

    def evaluate(self, node_hash: NodeHash, x: U64) -> U64:
        """Return this party's XOR share of f(x), uint64[n]."""
        return trees_for(x.size).evaluate(x, self.root, self.corrections, party=self.party, keys=node_hash.keys)


def deal(
    alpha: U64,
    label: U64,
    *,
    bits: int,
    node_hash: NodeHash,
    draw: Callable[[int], U64],
    memory: KeyMemory | None = None,
) -> tuple[ComparisonKey, ComparisonKey]:
    """Make both parties' keys.

    Args:
        alpha: uint64[n], below 2**bits.
        label: uint64[n], the labels.
        bits: l, of x and alpha.
        node_hash: of the run.
        draw: fresh words of the system's randomness; what it gives is used for these keys alone.
        memory: where keys of before may stand that nobody looks at any more.
    """
    n = alpha.size
    roots = draw(4 * n).reshape(2, n, 2)
    corrections = (memory or KeyMemory()).corrections(bits, n)
    trees_for(n).deal(alpha, label, roots, keys=node_hash.keys, out=corrections)
    first, second = (ComparisonKey(party, roots[party], corrections) for party in (0, 1))
    return first, second
