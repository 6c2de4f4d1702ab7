"""Are words fair coins, and are two worlds alike? Tests of bits, of words, of their differences, and of all pairs."""

from collections.abc import Iterator
from math import comb
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from protocols.arithmetic.fixed_point import I64, U64

BINS: Final = 64  # of the highest and the lowest six bits of a word
P = npt.NDArray[np.float64]


def smallest(words: U64, lag: int) -> tuple[float, str]:
    """Return the smallest p-value, and the family of tests that gave it.

    Each family of tests is corrected for its size, then all for the number of families (Bonferroni).

    Args:
        words: uint64[2, runs, D], of two worlds.
        lag: words from a step to the next.
    """
    families = {name: float(p.min()) * p.size for name, p in p_values(words, lag).items()}
    name = min(families, key=lambda each: families[each])
    return families[name] * len(families), name


def p_values(words: U64, lag: int) -> dict[str, P]:
    """Return p-values by family of tests: are the words of either world fair coins, and are the worlds alike?"""
    n, found = words.shape[1], {"repeats": np.array([repeats(words.reshape(2 * words.shape[1], -1))])}
    derived = {
        "words": words,
        "steps": words[:, :, lag:] - words[:, :, :-lag],  # each word less the same one of the step before
        "neighbours": words[:, :, 1:] - words[:, :, :-1],
    }
    for name, each in derived.items():
        ones = bits_of(each)
        found[f"{name}: bits"] = 2 * special.ndtr(-np.abs(ones - n / 2) / np.sqrt(n / 4))
        found[f"{name}: bits, two worlds"] = 2 * special.ndtr(-np.abs(ones[0] - ones[1]) / np.sqrt(n / 2))
        for end, counts in zip(("high", "low"), bins_of(each), strict=True):
            fair = ((counts - n / BINS) ** 2 / (n / BINS)).sum(axis=-1)
            apart = ((counts[0] - counts[1]) ** 2 / np.maximum(counts[0] + counts[1], 1)).sum(axis=-1)
            found[f"{name}: {end} bins"] = special.chdtrc(BINS - 1, fair)
            found[f"{name}: {end} bins, two worlds"] = special.chdtrc(BINS - 1, apart)
    return found


def bits_of(words: U64) -> I64:
    """Return how often each bit of each word is 1, int64[2, D, 64]."""
    big = np.ascontiguousarray(words).astype(">u8")
    ones: I64 = np.unpackbits(big.view(np.uint8).reshape(*words.shape, 8), axis=-1).sum(axis=1, dtype=np.int64)
    return ones


def bins_of(words: U64) -> Iterator[I64]:
    """Return how often each word falls into each bin, by its highest bits and by its lowest: int64[2, D, BINS]."""
    offset = np.arange(words.shape[2], dtype=np.uint64) * np.uint64(BINS)
    for bins in (words >> np.uint64(58), words & np.uint64(BINS - 1)):
        counts = [np.bincount((world + offset).ravel(), minlength=offset.size * BINS) for world in bins]
        yield np.array(counts).reshape(len(words), -1, BINS)


def repeats(words: U64) -> float:
    """Return the p-value of how often two words of a run, of whichever rounds, differ by what another run's do too."""
    runs, d = words.shape
    columns, found = np.ascontiguousarray(words.T), 0
    for first in range(d - 1):
        differences = np.sort(columns[first + 1 :] - columns[first], axis=1)
        found += int((differences[:, 1:] == differences[:, :-1]).sum())
    expected = comb(d, 2) * comb(runs, 2) / 2.0**64
    return float(special.gammainc(found, expected)) if found else 1.0  # of as many or more, by Poisson's law
