"""Draws of a graph: which random word of an agent each takes, and what it makes of it.

A word is a function of key, agent, purpose and counter, and of nothing else, so the same number is drawn wherever the
agent lives, and two draws of one purpose in one step are the same draw. A word has two halves: the upper one decides
`happens` and `days`, the lower one `uniform`; `exponential` takes all of it.

Security: simulation draws. Masks, keys and privacy noise never come from here.
"""

import enum
import hashlib
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from protocols.arithmetic import distributions
from protocols.arithmetic.fixed_point import I64, U64
from protocols.arithmetic.philox import DrawPurpose, Key, philox, words


@final
class CoursePurpose(enum.IntEnum):
    """What a draw of a staged course is for; continues `DrawPurpose`, whose numbers are below 16."""

    KIND = 16
    FIRST = 17
    SECOND = 18
    COMPLIANCE = 19
    TEST = 20
    VACCINE = 21


LIBRARY: Final = {purpose.name.lower(): int(purpose) for purpose in DrawPurpose} | {
    f"course_{purpose.name.lower()}": int(purpose) for purpose in CoursePurpose
}
COUNTS: Final = 2**31  # values that a uniform draw may tell apart
SPELL_KEY: Final = 0x7370656C6C000000  # first word of the key of later spells' draws: "spell"; agents' seeds differ
BEGIN: Final = 0  # a draw's moment: of the beginning, of each step, of each spell
STEP: Final = 1
SPELL: Final = 2
LAW_TOTAL: Final = distributions.LAW_TOTAL
LARGEST: Final = 37  # -log of the smallest uniform draw, 2**-53, is 36.7


@final
@dataclass(frozen=True, slots=True)
class DrawSource:
    """Where agents' random words come from.

    Attributes:
        agents: uint64[n], their numbers in the run.
        step: of the run.
        key: of the simulation generator: a client's own, or the testbed's; of replicates each agent has its own.
    """

    agents: U64
    step: int
    key: Key = field(repr=False)

    def of(self, part: slice) -> "DrawSource":
        """Return that of a part of the agents."""
        one, other = (word if isinstance(word, int) else word[part] for word in self.key)
        return DrawSource(self.agents[part], self.step, (one, other))

    def words(self, purpose: str, moment: int, spell: I64 | int = 0) -> U64:
        """Return one word of 64 random bits for each agent, uint64[n]."""
        number = number_of(purpose)
        zero = np.zeros_like(self.agents)
        named = np.full_like(self.agents, number)
        if moment == SPELL:
            seed = words(self.key, self.agents, DrawPurpose.SEED)
            counted = np.broadcast_to(np.asarray(spell, dtype=np.int64), zero.shape).astype(np.uint64)
            return philox((SPELL_KEY, 0), (seed, named, counted, zero))[0]
        counter = np.full_like(self.agents, 0 if moment == BEGIN else self.step + 1)
        return philox(self.key, (self.agents, named, counter, zero))[0]


def number_of(purpose: str) -> int:
    """Return the number of a purpose; those of our own library keep what they were given first."""
    given = LIBRARY.get(purpose)
    return given if given is not None else int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8]) | 1 << 63


def happens(word: U64, probability: I64 | int) -> np.ndarray:
    """Return True with probability `probability / 2**32`, bool[n]."""
    return np.asarray((word >> np.uint64(32)).astype(np.int64) < probability)


def uniform(word: U64, low: I64 | int, count: I64 | int) -> I64:
    """Return a whole number in [low, low + count), each as likely as the others to within 2**-32, int64[n]."""
    below = (word & np.uint64(2**32 - 1)).astype(np.int64) * count >> 32
    return np.asarray(below + low, dtype=np.int64)


def integer(word: U64, low: int, high: int) -> I64:
    """Return a whole number in [low, high], int64[n]; of a longer range one of the lowest `COUNTS`."""
    return uniform(word, low, min(high - low + 1, COUNTS))


def days(word: U64, laws: I64, row: I64 | int = 0, elapsed: I64 | int = 0) -> I64:
    """Return `d + 1` with probability `law[d] / 2**32`, int64[n], by the law `laws[row]` of each agent.

    Args:
        word: uint64[n], random.
        laws: int64[rows, d].
        row: of each agent's law.
        elapsed: days that have passed: what is left is drawn by the law of more days than these. 0 where it has none.

    All rows are searched as one list, that of a row after all before it: a law for each agent would be as long as the
    longest of them, times all agents.
    """
    rows, bounds = np.arange(laws.shape[0])[:, None], np.cumsum(laws[:, :-1], axis=1)
    upper = word >> np.uint64(32)
    passed = np.pad(np.cumsum(laws, axis=1), ((0, 0), (1, 0)))[row, np.minimum(elapsed, laws.shape[1])].astype(
        np.uint64
    )
    left = np.uint64(LAW_TOTAL) - passed
    upper = (passed + (upper * left >> np.uint64(32))).astype(np.int64)
    place = np.searchsorted((bounds + rows * LAW_TOTAL).reshape(-1), upper + row * LAW_TOTAL, side="right")
    return np.asarray(np.where(left == 0, 0, place - row * bounds.shape[1] + 1 - elapsed), dtype=np.int64)


def exponential(word: U64, bits: int) -> I64:
    """Return draws of Exp(1) with so many fraction bits, int64[n]."""
    return np.rint(distributions.exponential(word) * 2.0**bits).astype(np.int64)
