"""One step: out-slots, shared by A and B, go through three stages and come out as shares of exposures at A and B.

Each server sends one message and receives one, masked by a key that its receiver lacks.
"""

from typing import Final, TypeVar

import numpy as np

from aggregator.permutation.channel import Channel
from aggregator.permutation.roles import Role
from aggregator.permutation.setup import Stages
from aggregator.permutation.stages import Places, Shape, gather, move
from protocols.arithmetic.fixed_point import U64
from protocols.errors import ProtocolError

Word = TypeVar("Word", U64, Places)

_FIRST: Final = b"r1 x"
_SECOND: Final = b"r2 r1 x"
_LAST: Final = b"exposures"


def permute(channel: Channel, shape: Shape, stages: Stages, x: U64 | None) -> U64:
    """Take this server's part in one step.

    Args:
        channel: of this server, in the operation of this step.
        shape: of the slots.
        stages: of the day.
        x: uint64[slots * width], this server's share of the out-slots; C has none.

    Returns:
        uint64[n * width], a share of the exposures at A and B; nothing at C.
    """
    words, sums = shape.slots * shape.width, shape.n * shape.width
    if channel.role == Role.A:
        moved = move(_part(x), _part(stages.r1), shape.width)
        moved -= channel.mask(Role.B, _FIRST, words)
        (theirs,) = channel.exchange([(Role.C, _FIRST, moved)], [(Role.B, _SECOND, words)])
        total = gather(theirs, _part(stages.source), shape)
        total += channel.mask(Role.C, _LAST, sums)
        return total
    if channel.role == Role.B:
        moved = move(_part(x), _part(stages.r1), shape.width)
        moved += channel.mask(Role.A, _FIRST, words)
        moved = move(moved, _part(stages.r2), shape.width)
        moved -= channel.mask(Role.C, _SECOND, words)
        (total,) = channel.exchange([(Role.A, _SECOND, moved)], [(Role.C, _LAST, sums)])
        return total
    (theirs,) = channel.exchange([], [(Role.A, _FIRST, words)])
    moved = move(theirs, _part(stages.r2), shape.width)
    moved += channel.mask(Role.B, _SECOND, words)
    total = gather(moved, _part(stages.source), shape)
    total -= channel.mask(Role.A, _LAST, sums)
    channel.exchange([(Role.B, _LAST, total)])
    return np.zeros(0, dtype=np.uint64)


def _part(part: Word | None) -> Word:
    if part is None:
        raise ProtocolError("a server was asked for a part of the permutation that it must not have")
    return part
