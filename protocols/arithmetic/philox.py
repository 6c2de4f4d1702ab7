"""Philox4x64-10, for many agents at once.

A counter-based generator: each draw is a function of (key, agent, purpose, step) and of nothing else, so it does not
depend on where an agent lives or in which order agents are visited.

Security: a simulation generator. Masks, keys and privacy noise never come from here.
Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

import enum
from typing import Any, Final, final

import numpy as np

from protocols.arithmetic.fixed_point import U64

Key = tuple[Any, Any]  # two words: whole numbers of all agents alike, or uint64[n] of each

ROUNDS: Final = 10
MULTIPLIERS: Final = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
WEYL: Final = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
MASK64: Final = 2**64 - 1
LOW: Final = np.uint64(0xFFFFFFFF)
HALF: Final = np.uint64(32)


@final
class DrawPurpose(enum.IntEnum):
    """What a draw is for. A number, once given, is never used for anything else."""

    THRESHOLD = 1
    LATENT = 2
    INFECTIOUS = 3
    INITIAL = 4
    CELL = 5
    WANING = 6
    SEED = 7  # of an agent's draws in later spells
    DOSE = 8


def _multiply(a: U64, m: np.uint64) -> tuple[U64, U64]:
    """Return the high and the low 64 bits of a * m."""
    a_high, a_low = a >> HALF, a & LOW
    m_high, m_low = m >> HALF, m & LOW
    cross = a_high * m_low + (a_low * m_low >> HALF)
    middle = a_low * m_high + (cross & LOW)
    return a_high * m_high + (cross >> HALF) + (middle >> HALF), a * m


def philox(key: Key, counter: tuple[U64, U64, U64, U64]) -> tuple[U64, U64, U64, U64]:
    """Return four words of 64 random bits for each counter.

    Args:
        key: two words of 64 bits, or two arrays uint64[n] of them.
        counter: four arrays uint64[n].
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        high0, low0 = _multiply(c0, MULTIPLIERS[0])
        high1, low1 = _multiply(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ np.uint64(k0), low1, high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + WEYL[0]) & MASK64, (k1 + WEYL[1]) & MASK64  # of arrays it wraps by itself
    return c0, c1, c2, c3


def words(key: Key, agents: U64, purpose: DrawPurpose, *, step: int = 0) -> U64:
    """Return one word of 64 random bits for each agent: uint64[n] to uint64[n]."""
    fill = [np.full_like(agents, value) for value in (int(purpose), step, 0)]
    return philox(key, (agents, fill[0], fill[1], fill[2]))[0]
