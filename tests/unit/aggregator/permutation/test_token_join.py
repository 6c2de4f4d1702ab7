"""Tokens of both ends of an edge meet at one server, by what stands once on both sides."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregator.permutation.token_join import join_tokens


@given(slots=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_a_join_finds_what_stands_once_on_both_sides_and_nothing_else(slots, seed):
    draw = np.random.default_rng(seed)
    out, into = (draw.integers(0, 4, (slots, 2), dtype=np.uint64) for _ in range(2))
    found = join_tokens(out.reshape(-1), into.reshape(-1))
    lists = [[tuple(pair) for pair in each.tolist()] for each in (out, into)]
    for slot, token in enumerate(lists[1]):
        alone = lists[0].count(token) == 1 == lists[1].count(token)
        assert found[slot] == (lists[0].index(token) if alone else slots)
