"""Cell suppression on shares, before anything is released: the rule of `protocols.releases.suppression`."""

from typing import Final

import numpy as np

from aggregator.on_shares.backend import Calculator
from protocols.arithmetic.fixed_point import I64
from protocols.releases.suppression import FIRST, Suppression

ONE: Final = np.ones(1, dtype=np.int64)
Pair = tuple[I64, I64]


def suppress(calculator: Calculator, rule: Suppression, counts: I64, *, cells: int, agents: int) -> I64:
    """Suppress small cells on shares: return shares of what is released, int64[cells + q].

    Args:
        calculator: to compute with.
        rule: of the run.
        counts: int64[cells + q], shares of cell totals, and of the tally, which adds up to `agents`.
        cells: how many.
        agents: of the clients that took part.

    Security:
        Nothing is opened here, not even which counts are suppressed. An aggregator that lies shifts products.
    """
    bits, q = max(agents, rule.min_count).bit_length() + 1, counts.size - cells
    large = calculator.compare(counts, calculator.public(np.full(counts.size, rule.min_count - 1)), bits=bits)
    seen = calculator.multiply(counts, large)
    one, speaker = calculator.public(ONE), cells + rule.speaker
    totals = np.concatenate([calculator.public(agents * ONE), counts[speaker : speaker + 1]])
    both = [(each[cells:], each[:cells]) for each in (large, seen)]
    trouble, beside, lone = _troubles(calculator, rule.min_count, *both, totals=totals, agents=agents)
    enough = calculator.multiply(large[cells + FIRST : cells + FIRST + 1], one - lone)
    nothing = calculator.multiply(trouble, one - enough)
    kept = np.concatenate([one - trouble, one - nothing])
    first, others = np.split(calculator.multiply(np.repeat(one - beside, 2), kept), 2)
    keep = np.repeat(others, q)
    keep[FIRST] = first[0]
    return np.concatenate([seen[:cells], calculator.multiply(seen[cells:], keep)])


def _troubles(
    calculator: Calculator, least: int, large: Pair, seen: Pair, *, totals: I64, agents: int
) -> tuple[I64, I64, I64]:
    """Return shares of three bits: suppressed stages tell, suppressed cells do, the first stage would not help.

    Args:
        calculator: to compute with.
        least: `min_count`.
        large: which counts are large, of stages and of cells.
        seen: counts where they are large, likewise.
        totals: shares of what the stages add up to, and the cells.
        agents: of the clients that took part.
    """
    one, sizes = calculator.public(ONE), np.array([each.size for each in large])
    suppressed = calculator.public(sizes) - np.array([each.sum() for each in large])
    left = totals - np.array([each.sum() for each in seen])  # arrays wrap, scalars would warn
    helped = left[:1] + seen[0][FIRST : FIRST + 1]
    h = np.concatenate([suppressed, calculator.public(np.array([least, least, 2 * least])), left + one])
    tau = np.concatenate([np.zeros(2, np.int64), left, helped, suppressed * (least - 1)])
    bits = max(agents, int(sizes.sum()) * least, 2 * least).bit_length() + 1
    told = calculator.compare(h, tau, bits=bits)
    any_suppressed, few, lone, full = told[:2], told[2:4], told[4:5], told[5:]
    either = few + full - calculator.multiply(few, full)
    both = calculator.multiply(any_suppressed, either)
    return both[:1], both[1:], lone
