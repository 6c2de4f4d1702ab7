"""Cell suppression on shares, before anything is released: the rule of `protocols.releases.suppression`."""

from typing import final

import numpy as np

from aggregator.on_shares.backend import Calculator
from protocols.arithmetic.fixed_point import I64
from protocols.releases.suppression import FIRST, Suppression

Pair = tuple[I64, I64]


def suppress(calculator: Calculator, rule: Suppression, counts: I64, *, cells: int, agents: int) -> I64:
    """Suppress small cells on shares: return shares of what is released, int64[cells + q, R].

    Args:
        calculator: to compute with.
        rule: of the run.
        counts: int64[cells + q, R], shares of cell totals, and of the tally, which adds up to `agents`, of R
            replicates, each of which is suppressed by itself.
        cells: how many.
        agents: of the clients that took part, each once.

    Security:
        Nothing is opened here, not even which counts are suppressed. An aggregator that lies shifts products.
    """
    on, copies = _ReplicateCalculator(calculator), counts.shape[1]
    bits, q = max(agents, rule.min_count).bit_length() + 1, len(counts) - cells
    large = on.compare(counts, on.public(np.full(counts.shape, rule.min_count - 1)), bits=bits)
    seen = on.multiply(counts, large)
    one, speaker = on.public(np.ones((1, copies), dtype=np.int64)), cells + rule.speaker
    totals = np.concatenate([one * agents, counts[speaker : speaker + 1]])
    both = [(each[cells:], each[:cells]) for each in (large, seen)]
    trouble, beside, lone = _troubles(on, rule.min_count, *both, totals=totals, agents=agents)
    enough = on.multiply(large[cells + FIRST : cells + FIRST + 1], one - lone)
    nothing = on.multiply(trouble, one - enough)
    kept = np.concatenate([one - trouble, one - nothing])
    first, others = np.split(on.multiply(np.repeat(one - beside, 2, axis=0), kept), 2)
    keep = np.repeat(others, q, axis=0)
    keep[FIRST] = first[0]
    return np.concatenate([seen[:cells], on.multiply(seen[cells:], keep)])


@final
class _ReplicateCalculator:
    """Computes on rows of replicates, int64[m, R], which a calculator takes as one vector."""

    def __init__(self, calculator: Calculator) -> None:
        self._calculator = calculator

    def public(self, numbers: I64) -> I64:
        return self._calculator.public(numbers.reshape(-1)).reshape(numbers.shape)

    def compare(self, h: I64, tau: I64, *, bits: int) -> I64:
        return self._calculator.compare(h.reshape(-1), tau.reshape(-1), bits=bits).reshape(h.shape)

    def multiply(self, x: I64, y: I64) -> I64:
        return self._calculator.multiply(x.reshape(-1), y.reshape(-1)).reshape(x.shape)


def _troubles(
    on: _ReplicateCalculator, least: int, large: Pair, seen: Pair, *, totals: I64, agents: int
) -> tuple[I64, I64, I64]:
    """Return shares of three bits, int64[1, R] each: stages tell, cells do, suppressing the first would not help.

    Args:
        on: to compute with.
        least: `min_count`.
        large: which counts are large, of stages and of cells.
        seen: counts where they are large, likewise.
        totals: shares of what the stages add up to, and the cells, int64[2, R].
        agents: of the clients that took part.
    """
    copies, sizes = totals.shape[1], np.array([len(each) for each in large])

    def public(numbers: I64 | int, rows: int = 1) -> I64:
        return on.public(np.broadcast_to(np.asarray(numbers, dtype=np.int64).reshape(-1, 1), (rows, copies)))

    suppressed = public(sizes, 2) - np.stack([each.sum(axis=0) for each in large])
    left = totals - np.stack([each.sum(axis=0) for each in seen])
    helped = left[:1] + seen[0][FIRST : FIRST + 1]
    h = np.concatenate([suppressed, public(np.array([least, least, 2 * least]), 3), left + public(1)])
    tau = np.concatenate([np.zeros((2, copies), np.int64), left, helped, suppressed * (least - 1)])
    bits = max(agents, int(sizes.sum()) * least, 2 * least).bit_length() + 1
    told = on.compare(h, tau, bits=bits)
    any_suppressed, few, lone, full = told[:2], told[2:4], told[4:5], told[5:]
    either = few + full - on.multiply(few, full)
    both = on.multiply(any_suppressed, either)
    return both[:1], both[1:], lone
