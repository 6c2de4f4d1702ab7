"""Trees of comparison keys level by level, over arrays, with AES of `cryptography`."""

from typing import Final, final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import ECB

from aggregator.masking.trees.tree_kernels import CLEAR, LEFT, PAYLOAD, RIGHT, Corrections, TreeKernels
from protocols.arithmetic.fixed_point import U64

_ONE: Final = np.uint64(1)


@final
class NodeHashes:
    """The three hashes of nodes."""

    __slots__ = ("_encryptors",)

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        """Prepare a cipher for each, which takes block after block: whole ones, of which none waits for another."""
        ciphers = (Cipher(AES128(each), ECB()) for each in keys)  # noqa: S305 (a permutation, not encryption)
        self._encryptors = [each.encryptor() for each in ciphers]

    def expand(self, nodes: U64, which: int) -> U64:
        """Return the hash of each node, uint64[..., 2] to uint64[..., 2]."""
        out = np.frombuffer(self._encryptors[which].update(nodes.tobytes()), dtype=np.uint64)
        return out.reshape(nodes.shape) ^ nodes


@final
class NumpyTrees(TreeKernels):
    """Whole levels, one operation after the other."""

    def deal(self, alpha: U64, label: U64, roots: U64, *, keys: tuple[bytes, ...], out: Corrections) -> None:
        """Write what corrects both parties' trees."""
        n, node_hash = alpha.size, NodeHashes(keys)
        node = _without_bits(roots)  # of both parties
        bit = np.repeat(np.array([[0], [1]], dtype=np.uint64), n, axis=1)
        nodes, payloads, bits = out.nodes, out.payloads, len(out.nodes)
        value = np.zeros(n, dtype=np.uint64)  # what both parties' payloads come to, on the way of alpha
        for level in range(bits):
            right = alpha >> np.uint64(bits - 1 - level) & _ONE
            goes_right, is_right = _spread(right), (right == 1)[:, None]
            left_child, right_child, payload = (node_hash.expand(node, which) for which in (LEFT, RIGHT, PAYLOAD))
            payload = payload[0] ^ payload[1]
            lost, taken = _choose(payload, ~goes_right), _choose(payload, goes_right)
            payloads[level] = value ^ lost ^ label & goes_right
            value ^= taken ^ payloads[level]
            left_sum, right_sum = (child[0] ^ child[1] for child in (left_child, right_child))
            off = _without_bits(np.where(is_right, left_sum, right_sum))  # of the child that alpha leaves
            to_left = (left_sum[:, 0] ^ right ^ _ONE) & _ONE
            to_right = (right_sum[:, 0] ^ right) & _ONE
            nodes[level] = off
            nodes[level, :, 0] |= to_left | to_right << _ONE
            child = np.where(is_right, right_child, left_child)
            node = _without_bits(child) ^ off & _spread(bit)[..., None]
            bit = child[..., 0] & _ONE ^ bit & np.where(right == 1, to_right, to_left)
        out.last[:] = node[0][:, 1] ^ node[1][:, 1] ^ value

    def evaluate(self, x: U64, root: U64, corrections: Corrections, *, party: int, keys: tuple[bytes, ...]) -> U64:
        """Return a party's shares."""
        node_hash, levels = NodeHashes(keys), len(corrections.nodes)
        node, bit = _without_bits(root), np.full(x.size, party, dtype=np.uint64)
        value = np.zeros(x.size, dtype=np.uint64)
        for level in range(levels):
            right = x >> np.uint64(levels - 1 - level) & _ONE
            word, corrects = corrections.nodes[level], _spread(bit)
            payload = node_hash.expand(node, PAYLOAD)
            value ^= np.where(right == 1, payload[:, 1], payload[:, 0]) ^ corrections.payloads[level] & corrects
            left_child, right_child = (node_hash.expand(node, which) for which in (LEFT, RIGHT))
            child = np.where((right == 1)[:, None], right_child, left_child)
            bit = child[:, 0] & _ONE ^ bit & word[:, 0] >> right & _ONE
            node = _without_bits(child) ^ _without_bits(word) & corrects[:, None]
        return value ^ node[:, 1] ^ corrections.last & _spread(bit)


def _spread(bit: U64) -> U64:
    """Return all ones where a bit is 1."""
    return np.uint64(0) - bit


def _without_bits(node: U64) -> U64:
    """Return nodes without the two bits of the first word that travel beside them."""
    out = node.copy()
    out[..., 0] &= np.uint64(CLEAR)
    return out


def _choose(payload: U64, right: U64) -> U64:
    """Return the second word where `right` is all ones, else the first."""
    return payload[:, 0] & ~right | payload[:, 1] & right
