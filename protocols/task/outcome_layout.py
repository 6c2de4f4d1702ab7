"""What a client tells of each of its agents when the aggregators decide, and what they tell it.

It tells of each outcome the part of the level that it knows itself, and what the outcome asks beside it:

[level | threshold | anew | weight], outcome by outcome and agent by agent: a threshold where it may change, a bit where
a level may begin anew, a weight where agents have private ones. All words are told in every step, so that neither sizes
nor order show whose have changed.

It is told a bit of each outcome and agent, of which each aggregator has an XOR share: the lowest bit of its additive
share. So whatever an aggregator tells, what the client makes of all shares is bits, and it goes on alike. Of an outcome
that reveals the sum it is told that, as additive shares.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.errors import PartiesDisagree
from protocols.models.outcome import OutcomeSpec

WORD: Final = 64
Outcomes = Sequence[OutcomeSpec]


def words_per_agent(outcomes: Outcomes) -> int:
    """Return how many words are told for each agent."""
    return sum(len(outcome.columns) for outcome in outcomes)


def split_columns(outcomes: Outcomes, words: U64) -> list[dict[str, U64]]:
    """Return views of what was told of each outcome, uint64[n] each, by name, as far as it is told."""
    columns = iter(words.reshape(-1, words_per_agent(outcomes)).T)
    return [{name: next(columns) for name in outcome.columns} for outcome in outcomes]


def stack_columns(outcomes: Outcomes, columns: Sequence[dict[str, I64]]) -> U64:
    """Return uint64[n * words] from int64[n] of each word, agent by agent: what `split_columns` splits."""
    each = [given[name] for outcome, given in zip(outcomes, columns, strict=True) for name in outcome.columns]
    return np.stack([column.astype(np.int64) for column in each], axis=1).reshape(-1).view(np.uint64)


def count_bits(outcomes: Outcomes) -> int:
    """Return how many outcomes reveal a bit."""
    return sum(outcome.is_bit for outcome in outcomes)


def answer_words(outcomes: Outcomes, n: int) -> int:
    """Return how many words n agents' outcomes are told in: packed bits, and behind them the sums."""
    bits = count_bits(outcomes)
    return bit_words(n * bits) + n * (len(outcomes) - bits)


def answer_shares(outcomes: Outcomes, shares: U64) -> U64:
    """Return what one aggregator tells a client, uint64[answer_words].

    Args:
        shares: uint64[n, o], its additive shares of bits and of sums.
    """
    bits, sums = _split(outcomes, shares)
    return np.concatenate([bit_shares(bits), sums])


def join_answers(outcomes: Outcomes, answers: Sequence[U64], n: int) -> I64:
    """Return int64[n, o], each outcome's bit or sum, from what all aggregators told.

    Raises:
        PartiesDisagree: bits stand where there is no agent; whether they do is public.
    """
    of_bits = count_bits(outcomes)
    words = bit_words(n * of_bits)
    bits = join_bits([answer[:words] for answer in answers], n * of_bits).reshape(n, of_bits)
    sums = (
        np.stack([answer[words:] for answer in answers])
        .sum(axis=0, dtype=np.uint64)
        .reshape(n, len(outcomes) - of_bits)
    )
    joined = np.zeros((n, len(outcomes)), dtype=np.int64)
    joined[:, _is_bit(outcomes)] = bits
    joined[:, ~_is_bit(outcomes)] = from_ring(sums).reshape(n, len(outcomes) - of_bits)
    return joined


def _split(outcomes: Outcomes, shares: U64) -> tuple[U64, U64]:
    is_bit = _is_bit(outcomes)
    return shares[:, is_bit].reshape(-1), shares[:, ~is_bit].reshape(-1)


def _is_bit(outcomes: Outcomes) -> np.ndarray:
    return np.array([outcome.is_bit for outcome in outcomes], dtype=np.bool_)


def bit_words(n: int) -> int:
    """Return how many words the bits of n agents are told in."""
    return -(-n // WORD)


def bit_shares(shares: U64) -> U64:
    """Return XOR shares of bits from additive shares of them: their lowest bits, packed into uint64[bit_words(n)].

    Args:
        shares: uint64[n], of numbers that are 0 or 1.
    """
    padded = np.zeros(WORD * bit_words(shares.size), dtype=np.uint8)
    padded[: shares.size] = shares & np.uint64(1)
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def join_bits(shares: Sequence[U64], n: int) -> I64:
    """Return the bits of n agents, int64[n], from all aggregators' shares of `bit_words(n)` words each.

    Raises:
        PartiesDisagree: bits stand where there is no agent; whether they do is public.
    """
    unused = bit_words(n) * WORD - n
    if unused and any(int(share[-1]) >> (WORD - unused) for share in shares):
        raise PartiesDisagree(f"an aggregator told more bits than the {n} that there are; stop the run")
    words = np.bitwise_xor.reduce(np.stack(shares)).astype("<u8")
    return np.unpackbits(words.view(np.uint8), count=n, bitorder="little").astype(np.int64)
