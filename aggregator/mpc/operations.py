"""Comparison and multiplication of numbers that no party holds: shares in, shares out, modulo 2**64."""

from typing import Any, Final

import numpy as np
import torch

from aggregator.mpc.circuits.bit_planes import bits_of, to_planes
from aggregator.mpc.circuits.carry_tree import ONES, Gates, carry_tree, compound, leaf, merge
from aggregator.mpc.context import get_context
from aggregator.mpc.crypten.compatibility import crypten
from aggregator.mpc.crypten.hardening import harden
from aggregator.mpc.keystream import I64, U64
from aggregator.mpc.randomness.correlations import Comparison, MaskedComparison, PlaneReader
from protocols.errors import ParameterError

_ADDITIVE: Final[Any] = crypten.mpc.primitives.ArithmeticSharedTensor
_BINARY: Final[Any] = crypten.mpc.primitives.BinarySharedTensor
_BLOCK: Final = 1024  # words of a plane worked on at a time, so that tables stay in the cache

harden()


def compare(h: I64, tau: I64, *, bits: int) -> I64:
    """Return additive shares of the bit `h > tau`.

    Args:
        h: int64[n], this party's share of numbers in [0, 2**bits).
        tau: int64[n], likewise.
        bits: at most 63. Numbers out of range give wrong bits, unseen: their range must have been proved.
    Returns:
        int64[n]; all parties' sum is 0 or 1.
    """
    require_shares(h, tau)
    kind = Comparison(len(h), bits, additive=True)
    result, free, words = _compare(kind, h, tau)
    (mask,) = free.take(1)
    share = words.rest()[kind.n :].view(np.int64)
    flipped = bits_of(open_xor(result ^ mask), kind.n)
    out = share ^ -flipped
    out += flipped  # -share where the opened bit is 1
    if get_context().mesh.rank == 0:
        out += flipped
    return out


def multiply(x: I64, y: I64) -> I64:
    """Return additive shares of the products modulo 2**64, by CrypTen's own protocol.

    Args:
        x: int64[n], this party's share.
        y: int64[n], likewise.
    """
    require_shares(x, y)
    return _int64((_additive(x.view(np.uint64)) * _additive(y.view(np.uint64))).share)


def require_shares(x: I64, y: I64) -> None:
    """Refuse what is no pair of shares, before anything is sent.

    Raises:
        ParameterError: another type or shape than int64[n], or two lengths.
    """
    for share in (x, y):
        if share.dtype != np.int64 or share.shape != x.shape or share.ndim != 1:
            raise ParameterError(f"got shares {share.dtype}{list(share.shape)}; both must be int64[n] of one length")


def _compare(kind: Comparison, h: I64, tau: I64) -> tuple[U64, PlaneReader, PlaneReader]:
    """Return the XOR share of the sign of `tau - h`, and what is left of the batch.

    With z = tau - h + r opened, and all of it modulo 2**(bits + 1), the sign is bit `bits` of z - r: that bit of z,
    that bit of r, and the borrow from below.
    """
    free_words, product_words = get_context().material(kind)
    free, products = PlaneReader(free_words, kind.m), PlaneReader(product_words, kind.m)
    first = get_context().mesh.rank == 0
    r = free.take(kind.bits + 1)
    masked = (tau - h).view(np.uint64)
    masked += product_words[kind.product_planes * kind.m :][: kind.n]
    masked &= np.uint64((1 << (kind.bits + 1)) - 1)
    z = to_planes(open_sum(masked))
    nodes = leaves(kind, r, z, products)
    for gate_rows in carry_tree(kind.bits).levels:
        nodes = climb(gate_rows, nodes, free, products)
    result = nodes[0][0] ^ r[kind.bits]
    if first:
        result ^= z[kind.bits]
    return result, free, products


def leaves(kind: MaskedComparison, r: U64, z: U64, products: PlaneReader, keep: U64 | None = None) -> tuple[U64, U64]:
    """Return shares of what each chunk of bits generates and passes on, uint64[nodes, m] each.

    Args:
        kind: of the comparison.
        r: uint64[>= bits, m], this party's share of the mask's bits.
        z: uint64[>= bits, m], the public number's.
        products: of the mask's bits.
        keep: uint64[bits, m], which bits of which numbers count; the others only pass on what comes from below.
    """
    first = get_context().mesh.rank == 0
    generate, propagate, at = [], [], 0
    for gates in carry_tree(kind.bits).leaves:
        n_bits = gates.width * gates.count
        shape = gates.count, gates.width, kind.m
        masks = r[at : at + n_bits].reshape(shape).transpose(1, 0, 2)
        d = ~z[at : at + n_bits].reshape(shape).transpose(1, 0, 2)
        given = products.take(len(compound(gates.width)), gates.count)
        if keep is not None:
            kept = keep[at : at + n_bits].reshape(shape).transpose(1, 0, 2)
            masks, d = masks & kept, d | ~kept
            given = given & _subsets(kept)
        made = np.empty((2, gates.count, kind.m), np.uint64)
        for start in range(0, kind.m, _BLOCK):
            part = slice(start, start + _BLOCK)
            made[:, :, part] = leaf(_table(masks[..., part], given[..., part], first), d[..., part])
        generate.append(made[0])
        propagate.append(made[1])
        at += n_bits
    return np.concatenate(generate), np.concatenate(propagate)


def climb(
    gate_rows: tuple[Gates, ...], nodes: tuple[U64, U64], free: PlaneReader, products: PlaneReader
) -> tuple[U64, U64]:
    """Return the nodes one level up, after one opening of all the gates' masked inputs."""
    first = get_context().mesh.rank == 0
    work, to_open, at = [], [], 0
    for gates in gate_rows:
        n_nodes = gates.width * gates.count
        g, p = (node[at : at + n_nodes].reshape(gates.count, gates.width, -1).transpose(1, 0, 2) for node in nodes)
        at += n_nodes
        masks = (
            (free.take(gates.width, gates.count), free.take(gates.width - 1, gates.count)) if gates.width > 1 else ()
        )
        to_open += [node ^ mask for node, mask in zip((p, g[:-1]), masks, strict=False)]
        work.append((gates, g, p, masks))
    opened = iter(_open_parts(to_open))
    made = []
    for gates, g, p, masks in work:
        if not masks:  # a gate of one input passes it on
            made.append((g[0], p[0]))
            continue
        table = _table(masks[0], products.take(len(compound(gates.width)), gates.count), first)
        tails = [
            np.concatenate([mask[None], products.take((1 << (gates.width - 1 - i)) - 1, gates.count)])
            for i, mask in enumerate(masks[1])
        ]
        made.append(merge(g[-1], table, tails, (next(opened), next(opened))))
    return np.concatenate([g for g, _ in made]), np.concatenate([p for _, p in made])


def _subsets(kept: U64) -> U64:
    """Return for each subset of two masks or more which of its products count: those of masks that all count."""
    rows = [[row for at, row in enumerate(kept) if subset >> at & 1] for subset in compound(len(kept))]
    return np.array([np.bitwise_and.reduce(row) for row in rows], np.uint64).reshape(-1, *kept.shape[1:])


def _table(masks: U64, given: U64, first: bool) -> U64:
    """Return shares of the products over all subsets of the masks; the empty one is 1, which the first party holds."""
    width = len(masks)
    table = np.empty((1 << width, *masks.shape[1:]), np.uint64)
    table[0] = ONES if first else 0
    for i in range(width):
        table[1 << i] = masks[i]
    table[compound(width)] = given
    return table


def _open_parts(parts: list[U64]) -> list[U64]:
    flat = open_xor(np.concatenate([part.reshape(-1) for part in parts]))
    ends = np.cumsum([part.size for part in parts])
    return [flat[end - part.size : end].reshape(part.shape) for part, end in zip(parts, ends, strict=True)]


def open_sum(share: U64) -> U64:
    """Return what additive shares stand for, to every party."""
    return _int64(_additive(share).reveal()).view(np.uint64)


def open_xor(share: U64) -> U64:
    """Return what XOR shares stand for, to every party."""
    tensor = torch.from_numpy(share.view(np.int64))
    return _int64(_BINARY.from_shares(tensor, precision=0).reveal()).view(np.uint64)


def _additive(share: U64) -> Any:
    return _ADDITIVE.from_shares(torch.from_numpy(share.view(np.int64)), precision=0)


def _int64(tensor: Any) -> I64:
    """Return a tensor's integers as they are: CrypTen's own decoding goes through float32."""
    found: I64 = tensor.numpy()
    return found
