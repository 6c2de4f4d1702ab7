"""Cell suppression on shares, before anything is released: the rule of `protocols.releases.suppression`."""

from typing import Final

import numpy as np

from aggregator.on_shares.backend import Calculator
from protocols.arithmetic.fixed_point import I64
from protocols.models import Stage

ONE: Final = np.ones(1, dtype=np.int64)


def suppress(calculator: Calculator, counts: I64, *, cells: int, agents: int, min_count: int) -> I64:
    """Suppress small cells on shares: return shares of what is released, int64[cells + q].

    Args:
        calculator: to compute with.
        counts: int64[cells + q], shares of cell totals, and of the tally, which adds up to `agents`.
        cells: how many.
        agents: of the clients that took part.
        min_count: the least count that is released.
    Security:
        Nothing is opened here, not even which counts are suppressed. An aggregator that lies shifts products.
    """
    bits = max(agents, min_count).bit_length() + 1
    large = calculator.compare(counts, calculator.public(np.full(counts.size, min_count - 1)), bits=bits)
    seen = calculator.multiply(counts, large)
    trouble, beside, lone = _troubles(calculator, counts, large, seen, (cells, agents, min_count))
    one = calculator.public(ONE)
    enough = calculator.multiply(large[cells + Stage.S : cells + Stage.S + 1], one - lone)
    nothing = calculator.multiply(trouble, one - enough)
    kept = np.concatenate([one - trouble, one - nothing])
    first, others = np.split(calculator.multiply(np.repeat(one - beside, 2), kept), 2)
    keep = np.repeat(others, counts.size - cells)
    keep[Stage.S] = first[0]
    return np.concatenate([seen[:cells], calculator.multiply(seen[cells:], keep)])


def _troubles(
    calculator: Calculator, counts: I64, large: I64, seen: I64, known: tuple[int, int, int]
) -> tuple[I64, I64, I64]:
    """Return shares of three bits: suppressed stages tell, suppressed cells do, the susceptible would not help."""
    cells, agents, min_count = known
    q, one = counts.size - cells, calculator.public(ONE)
    n_suppressed = calculator.public(np.array([q, cells])) - np.array([large[cells:].sum(), large[:cells].sum()])
    infectious, susceptible = (slice(cells + stage, cells + stage + 1) for stage in (Stage.I, Stage.S))
    left = np.concatenate([calculator.public(agents * ONE), counts[infectious]])  # arrays wrap, scalars would warn
    left -= np.array([seen[cells:].sum(), seen[:cells].sum()])
    helped = left[:1] + seen[susceptible]
    h = np.concatenate([n_suppressed, calculator.public(np.array([min_count, min_count, 2 * min_count])), left + one])
    tau = np.concatenate([np.zeros(2, np.int64), left, helped, n_suppressed * (min_count - 1)])
    bits = max(agents, counts.size * min_count, 2 * min_count).bit_length() + 1
    told = calculator.compare(h, tau, bits=bits)
    any_suppressed, few, lone, full = told[:2], told[2:4], told[4:5], told[5:]
    either = few + full - calculator.multiply(few, full)
    both = calculator.multiply(any_suppressed, either)
    return both[:1], both[1:], lone
