"""Keys of a comparison that two parties evaluate alone: a label where a public number is below a secret one.

f(x) = beta for x < alpha, else 0, over GF(2)**64, for many agents at once. The keys of both parties share the
correction words; each has a root of its own. All levels are computed over arrays, with AES of `cryptography`.

Source: Boyle, Chandran, Gilboa, Gupta, Ishai, Kumar, Rathee, Function secret sharing for mixed-mode and fixed-point
    secure computation (Eurocrypt 2021), Fig. 1. Hash: one AES block of a fixed key, XOR the input (Matyas, Meyer,
    Oseas), with a random key for each run (Guo, Katz, Wang, Yu, IEEE S&P 2020).
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import ECB

from protocols.arithmetic.fixed_point import U64

LEFT, RIGHT, PAYLOAD = range(3)
AES_BYTES: Final = 16
_ONE: Final = np.uint64(1)
_CLEAR: Final = np.uint64(2**64 - 4)  # the two lowest bits of a node carry no randomness


@final
class NodeHash:
    """The three hashes that expand a node of the tree: to its left child, its right child, and both payload words."""

    __slots__ = ("_ciphers",)

    def __init__(self, key: bytes) -> None:
        """Derive three AES keys from the run's one, 32 random bytes that both aggregators and the dealer know."""
        keys = [hmac.digest(key, b"lpm node %d" % which, "sha256")[:AES_BYTES] for which in (LEFT, RIGHT, PAYLOAD)]
        self._ciphers = [Cipher(AES128(each), ECB()) for each in keys]  # noqa: S305 (a permutation, not encryption)

    def expand(self, nodes: U64, which: int) -> U64:
        """Return the hash of each node, uint64[n, 2] to uint64[n, 2]."""
        nodes = np.ascontiguousarray(nodes)
        out = np.frombuffer(self._ciphers[which].encryptor().update(nodes.tobytes()), dtype=np.uint64)
        return out.reshape(nodes.shape) ^ nodes


@final
@dataclass(frozen=True, slots=True, eq=False)
class ComparisonKey:
    """One party's key, for n agents and l bits.

    Attributes:
        party: 0 or 1.
        root: uint64[n, 2], this party's own.
        nodes: uint64[l, n, 2], what corrects a node; its two lowest bits correct those of the children.
        payloads: uint64[l, n], what corrects the payload at a level.
        last: uint64[n], what corrects it below the last level, which matters only where x is alpha - 1 or alpha.
    """

    party: int
    root: U64 = field(repr=False)
    nodes: U64 = field(repr=False)
    payloads: U64 = field(repr=False)
    last: U64 = field(repr=False)

    def evaluate(self, node_hash: NodeHash, x: U64) -> U64:
        """Return this party's XOR share of f(x), uint64[n]."""
        node, bit = _without_bits(self.root), np.full(x.size, self.party, dtype=np.uint64)
        value = np.zeros(x.size, dtype=np.uint64)
        for level in range(len(self.nodes)):
            right = x >> np.uint64(len(self.nodes) - 1 - level) & _ONE
            word, corrects = self.nodes[level], _spread(bit)
            payload = node_hash.expand(node, PAYLOAD)
            value ^= np.where(right == 1, payload[:, 1], payload[:, 0]) ^ self.payloads[level] & corrects
            child = _children(node_hash, node, right)
            bit = child[:, 0] & _ONE ^ bit & word[:, 0] >> right & _ONE
            node = _without_bits(child) ^ _without_bits(word) & corrects[:, None]
        return value ^ node[:, 1] ^ self.last & _spread(bit)


def deal(
    alpha: U64, beta: U64, *, bits: int, node_hash: NodeHash, draw: Callable[[int], U64]
) -> tuple[ComparisonKey, ComparisonKey]:
    """Make both parties' keys.

    Args:
        alpha: uint64[n], below 2**bits.
        beta: uint64[n], the labels.
        bits: l, of x and alpha.
        node_hash: of the run.
        draw: fresh words of the system's randomness; what it gives is used for these keys alone.
    """
    n = alpha.size
    roots = draw(4 * n).reshape(2, n, 2)
    node = [_without_bits(root) for root in roots]
    bit = [np.full(n, party, dtype=np.uint64) for party in (0, 1)]
    nodes, payloads = np.empty((bits, n, 2), dtype=np.uint64), np.empty((bits, n), dtype=np.uint64)
    value = np.zeros(n, dtype=np.uint64)  # what both parties' payloads come to, on the way of alpha
    for level in range(bits):
        right = alpha >> np.uint64(bits - 1 - level) & _ONE
        goes_right = _spread(right)
        children = [[node_hash.expand(each, which) for which in (LEFT, RIGHT)] for each in node]
        payload = np.bitwise_xor(*(node_hash.expand(each, PAYLOAD) for each in node))
        lost, taken = _choose(payload, ~goes_right), _choose(payload, goes_right)
        payloads[level] = value ^ lost ^ beta & goes_right
        value ^= taken ^ payloads[level]
        left_sum, right_sum = (children[0][side] ^ children[1][side] for side in (LEFT, RIGHT))
        off = np.where(right[:, None] == 1, left_sum, right_sum)  # of the child that alpha leaves
        to_left = (left_sum[:, 0] ^ right ^ _ONE) & _ONE
        to_right = (right_sum[:, 0] ^ right) & _ONE
        nodes[level] = _without_bits(off)
        nodes[level, :, 0] |= to_left | to_right << _ONE
        turns = np.where(right == 1, to_right, to_left)
        for party in (0, 1):
            child = np.where(right[:, None] == 1, children[party][RIGHT], children[party][LEFT])
            node[party] = _without_bits(child) ^ _without_bits(off) & _spread(bit[party])[:, None]
            bit[party] = child[:, 0] & _ONE ^ bit[party] & turns
    last = node[0][:, 1] ^ node[1][:, 1] ^ value
    first, second = (ComparisonKey(party, roots[party], nodes, payloads, last) for party in (0, 1))
    return first, second


def _children(node_hash: NodeHash, node: U64, right: U64) -> U64:
    """Return each node's child on the side that x takes, uint64[n, 2]; each side's hash of its nodes alone."""
    child = np.empty_like(node)
    for which in (LEFT, RIGHT):
        rows = np.flatnonzero(right == which)
        child[rows] = node_hash.expand(node[rows], which)
    return child


def _spread(bit: U64) -> U64:
    """Return all ones where a bit is 1."""
    return np.uint64(0) - bit


def _without_bits(node: U64) -> U64:
    """Return nodes without the two bits of the first word that travel beside them."""
    out = node.copy()
    out[..., 0] &= _CLEAR
    return out


def _choose(payload: U64, right: U64) -> U64:
    """Return the second word where `right` is all ones, else the first."""
    return payload[:, 0] & ~right | payload[:, 1] & right
