"""States that behave alike are one: they tell the same, and go to the same states as likely.

Source: Kemeny and Snell, Finite Markov Chains (1960), 6.3: strong lumpability. Each round of the refinement looks at
    all moves; there are as many rounds as steps until two states differ.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from protocols.arithmetic.distributions import F64

Move = tuple[int, int]  # which outcomes had to cross, as a number; and where to
Moves = Mapping[Move, F64]  # how likely each is, float64[1 + p] with its derivatives


class Lumps(NamedTuple):
    """Which states are one.

    Attributes:
        block: of each state, in the order in which blocks first appear.
        members: of each block, its first state.
        moves: of each block.
    """

    block: list[int]
    members: list[int]
    moves: list[Moves]


def lump(moves: Sequence[Moves], outputs: Sequence[Any]) -> Lumps:
    """Return the coarsest partition that refines outputs, and in which all states of a block move alike.

    Args:
        moves: of each state.
        outputs: of each state, whatever tells it from others at once.
    """
    block = _numbered(list(outputs))
    while True:
        merged = [merge(each, block) for each in moves]
        keys = [
            (own, tuple((move, weight.tobytes()) for move, weight in sorted(each.items(), key=lambda item: item[0])))
            for own, each in zip(block, merged, strict=True)
        ]
        finer = _numbered(keys)
        if max(finer, default=0) == max(block, default=0):
            members = [block.index(number) for number in range(max(block, default=-1) + 1)]
            return Lumps(block, members, [merged[member] for member in members])
        block = finer


def merge(moves: Moves, block: Sequence[int]) -> dict[Move, F64]:
    """Return moves to blocks: those to states of one block are one."""
    merged: dict[Move, F64] = {}
    for (pattern, target), weight in moves.items():
        move = pattern, block[target]
        merged[move] = merged[move] + weight if move in merged else weight
    return merged


def _numbered(keys: Sequence[Any]) -> list[int]:
    """Return a number for each key, equal ones the same, in the order in which they appear."""
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
