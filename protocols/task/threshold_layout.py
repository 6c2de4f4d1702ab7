"""What a client tells of each of its agents when the aggregators decide, and what they tell it.

It tells own hazards, and what a model asks beside them:

[hazard | threshold, anew | weight], agent by agent: threshold and a bit where immunity wanes, a weight where agents
have private ones. All words are told in every step, so that neither sizes nor order show whose have changed.

It is told a bit for each of them, of which each aggregator has an XOR share: the lowest bit of its additive share. So
whatever an aggregator tells, what the client makes of all shares is bits, and it goes on alike.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import PartiesDisagree
from protocols.models import Seir

WORD: Final = 64


def words_per_agent(model: Seir) -> int:
    """Return how many words are told for each agent."""
    return 1 + 2 * bool(model.waning) + (model.doses is not None)


def split_columns(model: Seir, words: U64) -> dict[str, U64]:
    """Return views of what was told, uint64[n] each, by name: hazard, threshold, anew, weight, as far as it is told."""
    names = ["hazard", *(["threshold", "anew"] if model.waning else []), *(["weight"] if model.doses else [])]
    return dict(zip(names, words.reshape(-1, words_per_agent(model)).T, strict=True))


def word_bits(model: Seir, *, hazard: int, threshold: int) -> list[int]:
    """Return of how many bits each word of an agent is, given those of hazards and thresholds."""
    return [
        hazard,
        *([threshold, 1] if model.waning else []),
        *([model.largest_weight.bit_length()] if model.doses else []),
    ]


def stack_columns(*columns_of: np.ndarray) -> U64:
    """Return uint64[n * words] from int64[n] of each word, agent by agent."""
    return np.stack([column.astype(np.int64) for column in columns_of], axis=1).reshape(-1).view(np.uint64)


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
