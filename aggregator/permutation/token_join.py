"""Which place holds the token of which in-slot: a join of two opened lists."""

from typing import Final, final

import numpy as np

from aggregator.permutation.stages import TOKEN_WORDS, Places
from protocols.arithmetic.fixed_point import U64

_ORDER: Final = np.dtype([("high", "<u8"), ("low", "<u8")])


def join_tokens(out: U64, into: U64) -> Places:
    """Find the place of each in-slot's token.

    A token that is missing on the other side, or that stands twice in a list, joins nothing: its in-slot is filled with
    zeros, and its out-slot goes nowhere.

    Args:
        out: uint64[slots * 2], tokens of the out-slots in their shuffled places.
        into: uint64[slots * 2], tokens of the in-slots.

    Returns:
        uint32[slots]: for each in-slot a place, or `slots` for none.
    """
    slots = out.size // TOKEN_WORDS
    return _match(_TokenIndex(out), _TokenIndex(into), slots)


@final
class _TokenIndex:
    """An index of one list: the tokens that stand there once, in order, and their places."""

    def __init__(self, tokens: U64) -> None:
        pairs = tokens.reshape(-1, TOKEN_WORDS)
        order = np.argsort(pairs[:, 0])  # tokens are random, so that one word nearly always tells them apart
        ordered = pairs[order]
        if ((ordered[1:, 0] == ordered[:-1, 0]) & (ordered[1:, 1] != ordered[:-1, 1])).any():
            order = np.lexsort((pairs[:, 1], pairs[:, 0]))
            ordered = pairs[order]
        same = (ordered[1:] == ordered[:-1]).all(axis=1)
        once = ~(np.append(same, False) | np.append(False, same))
        self.tokens, self.places = ordered[once], order[once]


def _match(out: _TokenIndex, into: _TokenIndex, slots: int) -> Places:
    source = np.full(slots, slots, dtype=np.uint32)
    if np.array_equal(out.tokens, into.tokens):
        source[into.places] = out.places
        return source
    left, right = (np.ascontiguousarray(each.tokens).view(_ORDER).reshape(-1) for each in (out, into))
    _, at_out, at_in = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    source[into.places[at_in]] = out.places[at_out]
    return source
