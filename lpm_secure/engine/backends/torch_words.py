"""Random words and their logarithms on torch, on any device: the bits of `protocols.arithmetic`.

Torch has no unsigned words, so a word is an int64 with the same bits: sums and products wrap alike, and a shift to the
right is followed by a mask. A logarithm is the same additions, multiplications and divisions in the same order, each a
kernel of its own, so that nothing is contracted.

Security: a simulation generator. Masks, keys and privacy noise never come from here.
Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from typing import Final

import torch

from protocols.arithmetic import distributions, philox

LOW: Final = 0xFFFFFFFF
HALF_ROOT: Final = 0.7071067811865476


def wrap_word(word: int) -> int:
    """Return the number of int64 with the bits of an unsigned word."""
    return word - 2**64 if word >= 2**63 else word


def shift_right(word: torch.Tensor, bits: int) -> torch.Tensor:
    """Return a word moved to the right, with zeros from the left."""
    moved: torch.Tensor = (word >> bits) & (2 ** (64 - bits) - 1)
    return moved


def _multiply(a: torch.Tensor, m: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the high and the low 64 bits of a * m."""
    a_high, a_low = shift_right(a, 32), a & LOW
    m_high, m_low = m >> 32, m & LOW
    cross = a_high * m_low + shift_right(a_low * m_low, 32)
    middle = a_low * m_high + (cross & LOW)
    return a_high * m_high + shift_right(cross, 32) + shift_right(middle, 32), a * wrap_word(m)


def random_words(key: tuple[int, int], number: torch.Tensor, purpose: int, counter: torch.Tensor | int) -> torch.Tensor:
    """Return one word of 64 random bits for each counter (number, purpose, counter, 0): int64[n] to int64[n]."""
    zero = torch.zeros_like(number)
    c0, c1, c2, c3 = number, zero + wrap_word(purpose), zero + counter, zero
    k0, k1 = key
    m0, m1 = (int(each) for each in philox.MULTIPLIERS)
    for _ in range(philox.ROUNDS):
        high0, low0 = _multiply(c0, m0)
        high1, low1 = _multiply(c2, m1)
        c0, c1, c2, c3 = high1 ^ c1 ^ wrap_word(k0), low1, high0 ^ c3 ^ wrap_word(k1), low0
        k0, k1 = (k0 + philox.WEYL[0]) & philox.MASK64, (k1 + philox.WEYL[1]) & philox.MASK64
    return c0


def log(x: torch.Tensor) -> torch.Tensor:
    """Return the natural logarithm of positive, normal numbers, with the bits of `distributions.log`."""
    m, exponent = torch.frexp(x)
    small = m < HALF_ROOT
    m = torch.where(small, m * 2.0, m)
    exponent = exponent - small.to(exponent.dtype)
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = torch.zeros_like(s)
    for power in range(distributions.TERMS, 0, -2):
        series = series * square
        series = series + 1.0 / power
    return 2.0 * s * series + exponent.to(torch.float64) * distributions.LN2


def exponential(word: torch.Tensor, bits: int) -> torch.Tensor:
    """Return draws of Exp(1) with so many fraction bits, int64[n]."""
    uniform = (shift_right(word, 12).to(torch.float64) + 0.5) * 2.0**-52
    return torch.round(-log(uniform) * 2.0**bits).to(torch.int64)
