"""Where everything stands in the vector that a client shares."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.arithmetic.fixed_point import from_ring
from protocols.task.layout import Layout


def drawn(manifest_of, seir, sizes, c, cells):
    numbers = iter(range(sum(sizes)))
    agents = [[next(numbers) for _ in range(size)] for size in sizes]
    return Layout.of(manifest_of(agents, model=seir(beta=(1,) * c), cells=(10,) * cells))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(1, 4), st.integers(0, 3))
def test_what_is_packed_is_found_again(manifest_of, seir, sizes, c, cells):
    layout = drawn(manifest_of, seir, sizes, c, cells)
    exposure = np.arange(layout.n * c, dtype=np.int64).reshape(-1, c)
    totals, tally = np.arange(cells) - 50, np.arange(4) - 100
    vector = layout.pack(exposure, totals, tally)
    assert vector.shape == (layout.d,) == (sum(sizes) * c + cells + 4,)
    assert vector.dtype == np.uint64
    assert from_ring(layout.release_of(vector)).tolist() == [*totals.tolist(), *tally.tolist()]
    for name, (first, end) in layout.own.items():
        np.testing.assert_array_equal(from_ring(layout.exposure_of(vector, name)), exposure[first:end].reshape(-1))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_own_slots_cover_every_agent_once_and_in_order(manifest_of, seir, sizes):
    layout = drawn(manifest_of, seir, sizes, 1, 0)
    slots = [slot for first, end in layout.own.values() for slot in range(first, end)]
    assert slots == list(range(layout.n))
    assert list(layout.own) == [f"client-{index}" for index in range(len(sizes))]
    assert [end - first for first, end in layout.own.values()] == sizes


def test_two_parties_derive_the_same_layout_from_one_manifest(manifest_of):
    assert Layout.of(manifest_of()) == Layout.of(manifest_of())
