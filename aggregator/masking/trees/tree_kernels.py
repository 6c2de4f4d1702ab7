"""How keys of comparisons are dealt and evaluated: down a tree of hashes for each agent, for many at once."""

import abc
from dataclasses import dataclass, field
from typing import Final, final

from protocols.arithmetic.fixed_point import U64

LEFT, RIGHT, PAYLOAD = range(3)
CLEAR: Final = 2**64 - 4  # the two lowest bits of a node carry no randomness


@final
@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """What the keys of both parties have in common, for n agents and l bits.

    Attributes:
        nodes: uint64[l, n, 2], what corrects a node; its two lowest bits correct those of the children.
        payloads: uint64[l, n], what corrects the payload at a level.
        last: uint64[n], what corrects it below the last level, which matters only where x is alpha - 1 or alpha.
    """

    nodes: U64 = field(repr=False)
    payloads: U64 = field(repr=False)
    last: U64 = field(repr=False)


class TreeKernels(abc.ABC):
    """One way to compute; all have the same bytes. Subclasses are final and hold no state.

    A hash of a node is one AES block of a fixed key, XOR the node: its left child, its right child, both payloads.
    """

    @abc.abstractmethod
    def deal(self, alpha: U64, label: U64, roots: U64, *, keys: tuple[bytes, ...], out: Corrections) -> None:
        """Write what corrects both parties' trees.

        Args:
            alpha: uint64[n], below 2**l.
            label: uint64[n], the labels.
            roots: uint64[2, n, 2], each party's.
            keys: three of AES-128, of the hashes.
            out: of l bits and n agents.
        """

    @abc.abstractmethod
    def evaluate(self, x: U64, root: U64, corrections: Corrections, *, party: int, keys: tuple[bytes, ...]) -> U64:
        """Return a party's XOR share of label where x is below alpha and of 0 elsewhere, uint64[n].

        Args:
            x: uint64[n], below 2**bits.
            root: uint64[n, 2], of the party.
            corrections: of both parties.
            party: 0 or 1.
            keys: three of AES-128, of the hashes.
        """
