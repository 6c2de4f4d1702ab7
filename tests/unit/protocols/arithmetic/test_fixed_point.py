"""Fixed point, and the proof that nothing wraps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.arithmetic.fixed_point import from_ring, prove_no_wrap, to_fixed, to_ring
from protocols.errors import ParameterError, WouldWrap

SIGNED = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(SIGNED))
def test_integers_go_into_the_ring_and_come_back(values):
    x = np.array(values, dtype=np.int64)
    assert to_ring(x).tolist() == [value % 2**64 for value in values]
    assert from_ring(to_ring(x)).tolist() == values


@given(st.lists(st.integers(0, 2**58), min_size=1, max_size=30), st.randoms())
def test_sums_in_the_ring_are_sums_of_integers_in_any_order(values, random):
    shuffled = random.sample(values, len(values))
    assert int(from_ring(to_ring(np.array(shuffled, dtype=np.int64))).sum()) == sum(values)


@given(st.floats(0, 1e6), st.integers(21, 40))
def test_a_fixed_point_number_is_the_nearest_one(x, f):
    if 0 < x * 2**f <= 0.5:
        with pytest.raises(ParameterError, match="round to zero"):
            to_fixed(x, f=f, name="x")
    else:
        assert abs(to_fixed(x, f=f, name="x") - x * 2**f) <= 0.5


@pytest.mark.parametrize("x", [-1.0, -1e-300, math.nan, math.inf, -math.inf])
def test_a_number_that_is_negative_or_not_finite_is_refused_by_name(x):
    with pytest.raises(ParameterError, match=f"^beta.near is {x}: it must be a finite number that is not negative$"):
        to_fixed(x, f=40, name="beta.near")


def test_a_number_that_would_vanish_is_refused():
    with pytest.raises(ParameterError, match="with 8 fraction bits it would round to zero"):
        to_fixed(1e-9, f=8, name="beta")
    assert to_fixed(0.0, f=8, name="beta") == 0


@given(st.dictionaries(st.text(), st.integers(0, 2**64), max_size=5))
def test_the_proof_adds_exactly_and_refuses_from_two_to_the_63_on(terms):
    total = sum(terms.values())
    if total < 2**63:
        assert prove_no_wrap(terms) == total
    else:
        with pytest.raises(WouldWrap, match="2\\*\\*63"):
            prove_no_wrap(terms)


def test_the_proof_is_sharp_to_the_last_unit():
    assert prove_no_wrap({"a": 2**62, "b": 2**62 - 1}) == 2**63 - 1
    with pytest.raises(WouldWrap, match=r"could reach 2\*\*63, .* most of it is a: use fewer fraction bits"):
        prove_no_wrap({"a": 2**62 + 1, "b": 2**62 - 1})


@pytest.mark.parametrize(
    ("change", "largest"),
    [
        ({"n": 2**21}, "the level of infection"),
        ({"steps": 2**21}, "the level of infection"),
        ({"max_message": 2**21}, "the level of infection"),
    ],
)
def test_a_model_whose_hazard_could_wrap_is_refused(seir, change, largest):
    model = seir(beta=(2**40, 2**40))
    sizes = {"n": 2, "max_message": 2, "steps": 2} | change
    with pytest.raises(WouldWrap, match=largest):
        model.agents.level_bounds(**sizes)


def test_the_proof_of_a_model_counts_contacts_on_all_channels_and_cells(seir):
    model = seir(beta=(3, 5), cell_beta=7)
    assert model.agents.level_bounds(n=11, max_message=13, steps=17) == ((3 + 5) * 11 * 13 * 17 + 7 * 17,)


def test_a_model_whose_cells_alone_could_wrap_is_refused(seir):
    with pytest.raises(WouldWrap, match="level of infection"):
        seir(cell_beta=2**56).agents.level_bounds(n=1, max_message=1, steps=2**8)
