"""Is a public number below a secret one? Circuits on bit planes shared by XOR, four inputs to a gate.

With masks `p_i` that nobody knows and public `d_i = P_i ^ p_i`, any product of the `P_i` is linear in the products of
the masks: the dealer shares those, and one opening is enough for a gate of any width. Folding a table over the subsets
of the masks, one variable at a time, evaluates the product:

    table[S] = share of prod_{i in S} p_i,      table'[S] = table[S + i] ^ d_i & table[S]

The comparison itself is the carry tree over (generate, propagate) pairs: bit i of the borrow of `z - r` is generated
where `r_i & ~z_i` and passed on where `r_i == z_i`.

Source:
    Beaver's multiplication (CRYPTO 1991), widened to gates of several inputs; the masked opening followed by a
    comparison with shared bits is Damgard et al., TCC 2006.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, final

import numpy as np
import numpy.typing as npt

from aggregator.mpc.keystream import U64

RADIX: Final = 4
ONES: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


@final
@dataclass(frozen=True, slots=True)
class Gates:
    """`count` gates of the same width that take the next `width * count` nodes, lowest first."""

    width: int
    count: int


@final
@dataclass(frozen=True, slots=True)
class CarryTree:
    """The carry tree of a comparison of so many bits: what is looked up without talking, then one opening a level."""

    leaves: tuple[Gates, ...]
    levels: tuple[tuple[Gates, ...], ...]


@cache
def carry_tree(bits: int) -> CarryTree:
    """Return the carry tree for numbers of `bits` bits."""
    leaves = _group(bits)
    nodes = sum(gates.count for gates in leaves)
    levels = []
    while nodes > 1:
        level = _group(nodes)
        levels.append(level)
        nodes = sum(gates.count for gates in level)
    return CarryTree(leaves, tuple(levels))


def _group(nodes: int) -> tuple[Gates, ...]:
    full, rest = divmod(nodes, RADIX)
    return tuple(Gates(w, c) for w, c in ((RADIX, full), (rest, 1)) if w and c)


@cache
def compound(width: int) -> npt.NDArray[np.intp]:
    """Return the subsets of `width` masks, as bit patterns, that have two members or more."""
    return np.array([s for s in range(1 << width) if s.bit_count() > 1], np.intp)


def n_products(width: int, *, leaf: bool) -> int:
    """Return how many products of masks a gate needs from the dealer."""
    tables = (1 << width) - 1 - width
    return tables if leaf else tables + sum((1 << (width - 1 - i)) - 1 for i in range(width - 1))


def products(p: U64, g: U64 | None) -> Iterator[U64]:
    """Yield the products that a gate needs, in the clear: the dealer's side.

    Args:
        p: uint64[w, count, m], the masks of what is passed on.
        g: uint64[w - 1, count, m], the masks of what is generated; None at a leaf.
    """
    width = len(p)
    table = np.empty((1 << width, *p.shape[1:]), np.uint64)
    table[0] = ONES
    for i in range(width):
        np.bitwise_and(table[: 1 << i], p[i], out=table[1 << i : 2 << i])
    yield table[compound(width)]
    for i in range(width - 1 if g is not None else 0):
        yield table[2 << i :: 2 << i] & g[i]  # type: ignore[index]


def leaf(table: U64, d: U64) -> tuple[U64, U64]:
    """Return shares of (generate, propagate) for chunks of `r` against the public `z`, without talking.

    Args:
        table: uint64[2**w, count, m], the shared products of the bits of r.
        d: uint64[w, count, m], the complement of the bits of z.
    """
    low = d[0] & table[1::2]
    for i in range(1, len(d)):
        low = low[1::2] ^ (d[i] & (low[0::2] ^ table[1 << i :: 2 << i]))
    return low[0], _fold(table, d)


def merge(top: U64, table: U64, tails: list[U64], opened: tuple[U64, U64]) -> tuple[U64, U64]:
    """Return shares of (generate, propagate) of gates whose inputs were opened under their masks.

    Args:
        top: uint64[count, m], the share of what the highest input generates.
        table: uint64[2**w, count, m], the shared products of the masks p.
        tails: for each input but the highest, uint64[2**(w-1-i), count, m]: its mask g_i times products of higher p.
        opened: the public P ^ p, uint64[w, count, m], and G ^ g, uint64[w - 1, count, m].
    """
    d, e = opened
    low = tails[0] ^ (e[0] & table[0::2])
    for i in range(1, len(d)):
        own = tails[i] ^ (e[i] & table[0 :: 2 << i]) if i < len(d) - 1 else top[None]
        low = low[1::2] ^ (d[i] & low[0::2]) ^ own
    return low[0], _fold(table, d)


def _fold(table: U64, d: U64) -> U64:
    for public in d:
        table = table[1::2] ^ (public & table[0::2])
    folded: U64 = table[0]
    return folded
