"""Set-up of one day: the servers learn stage permutations that compose to the map from out-slots to in-slots.

Clients have shared the tokens of their out-slots and in-slots to A and B. The out-tokens go through the first two
stages like any message, and only then are they opened, to A and C: A lacks the second stage and C the first, so neither
can tell whose an opened out-token is. The in-tokens are opened to both where they stand. The join is the third stage.
"""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from aggregator.permutation.channel import Channel
from aggregator.permutation.roles import Role
from aggregator.permutation.stages import TOKEN_WORDS, Places, Shape, move, permutation
from aggregator.permutation.token_join import join_tokens
from protocols.arithmetic.fixed_point import U64

_TWICE: Final = b"r1 out"
_SHUFFLED: Final = b"r2 r1 out"
_INTO: Final = b"in"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """One aggregator's shares of the tokens of a day: uint64[slots * 2] each."""

    out: U64 = field(repr=False)
    into: U64 = field(repr=False)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """What one server knows of the map of one day; what it must not know it does not have.

    Attributes:
        r1: A and B have it.
        r2: B and C have it.
        source: C and A have it; the third stage, from in-slots back to places.
    """

    r1: Places | None = field(default=None, repr=False)
    r2: Places | None = field(default=None, repr=False)
    source: Places | None = field(default=None, repr=False)


def set_up(channel: Channel, shape: Shape, tokens: Tokens | None) -> Stages:
    """Take this server's part in the set-up of a day; A and B have shares of tokens, C has none."""
    words = shape.slots * TOKEN_WORDS
    if tokens is None:
        return _set_up_c(channel, shape, words)
    return (_set_up_a if channel.role == Role.A else _set_up_b)(channel, shape, tokens)


def _set_up_a(channel: Channel, shape: Shape, tokens: Tokens) -> Stages:
    r1 = permutation(channel.key(Role.B), channel.name, shape.slots)
    words = tokens.out.size
    moved = move(tokens.out, r1, TOKEN_WORDS)
    moved -= channel.mask(Role.B, _TWICE, words)
    (theirs,) = channel.exchange([(Role.C, _TWICE, moved)], [(Role.B, _SHUFFLED, 2 * words)])
    theirs[words:] += tokens.into
    (more,) = channel.exchange([(Role.C, _INTO, theirs)], [(Role.C, _INTO, 2 * words)])
    theirs += more
    return Stages(r1=r1, source=join_tokens(theirs[:words], theirs[words:]))


def _set_up_b(channel: Channel, shape: Shape, tokens: Tokens) -> Stages:
    r1 = permutation(channel.key(Role.A), channel.name, shape.slots)
    r2 = permutation(channel.key(Role.C), channel.name, shape.slots)
    words = tokens.out.size
    moved = move(tokens.out, r1, TOKEN_WORDS)
    moved += channel.mask(Role.A, _TWICE, words)
    sent = np.concatenate([move(moved, r2, TOKEN_WORDS), tokens.into])
    sent -= channel.mask(Role.C, _SHUFFLED, 2 * words)
    channel.exchange([(Role.A, _SHUFFLED, sent)])
    return Stages(r1=r1, r2=r2)


def _set_up_c(channel: Channel, shape: Shape, words: int) -> Stages:
    r2 = permutation(channel.key(Role.B), channel.name, shape.slots)
    (theirs,) = channel.exchange([], [(Role.A, _TWICE, words)])
    mine = np.concatenate([move(theirs, r2, TOKEN_WORDS), np.zeros(words, dtype=np.uint64)])
    mine += channel.mask(Role.B, _SHUFFLED, 2 * words)
    (more,) = channel.exchange([(Role.A, _INTO, mine)], [(Role.A, _INTO, 2 * words)])
    mine += more
    return Stages(r2=r2, source=join_tokens(mine[:words], mine[words:]))
