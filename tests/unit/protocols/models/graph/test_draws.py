"""Draws of days by a law of each agent: the same as by each law alone, in no more memory than laws and agents take."""

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.models.graph.draws import LAW_TOTAL, days

LONGEST = 2**15


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 6))
def test_days_are_drawn_by_each_agents_own_law(seed, rows, length):
    draw = np.random.default_rng(seed)
    cuts = np.sort(draw.choice([0, 1, 2**31, LAW_TOTAL], (rows, length - 1)), axis=1)  # entries of 0 among them
    laws = np.diff(cuts, prepend=0, append=LAW_TOTAL, axis=1)
    edges = np.array([0, 1, 2**31 - 1, 2**31, LAW_TOTAL - 1], dtype=np.uint64)
    word, row = draw.choice(edges, 50) << np.uint64(32), draw.integers(0, rows, 50)
    wanted = [
        next(d for d in range(length) if int(w >> np.uint64(32)) < laws[r, : d + 1].sum()) + 1
        for w, r in zip(word, row, strict=True)
    ]
    assert days(word, laws, row).tolist() == wanted
    assert days(word[:1], laws, row[0]).tolist() == wanted[:1]


def test_the_longest_laws_take_no_row_of_their_own_for_each_agent():
    laws, n = np.full((2, LONGEST), LAW_TOTAL // LONGEST), 10_000
    word = np.arange(n, dtype=np.uint64) << np.uint64(50)
    tracemalloc.start()
    days(word, laws, np.arange(n) % 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * laws.nbytes
