"""The field of (2**61 - 1)**2 elements, against Python's integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.arithmetic import extension_field as field
from protocols.arithmetic.extension_field import P

NUMBERS = st.one_of(st.integers(0, P - 1), st.sampled_from([0, 1, 2, 2**32 - 1, 2**32, 2**60, P - 2, P - 1]))
ELEMENTS = st.tuples(NUMBERS, NUMBERS)


def words(*numbers):
    return np.array(numbers, dtype=np.uint64)


@given(st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([P - 1, P, P + 1, 2 * P, 8 * P, 2**64 - 1])))
def test_a_word_is_reduced_modulo_p(x):
    assert field.reduce(words(x)).tolist() == [x % P]


@given(NUMBERS, NUMBERS)
def test_numbers_are_added_and_multiplied_modulo_p(a, b):
    assert field.add(words(a), words(b)).tolist() == [(a + b) % P]
    assert field.subtract(words(a), words(b)).tolist() == [(a - b) % P]
    assert field.scale(words(a), words(b)).tolist() == [a * b % P]


@given(ELEMENTS, ELEMENTS)
def test_i_squared_is_minus_one_for_vectors_and_for_single_elements(a, b):
    expected = (a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P
    assert field.product(a, b) == expected
    assert field.element(field.multiply(field.vector((a,)), field.vector((b,)))[0]) == expected


@given(st.lists(NUMBERS, max_size=40))
def test_a_total_is_the_sum_modulo_p(numbers):
    assert field.total(words(*numbers)[:, None]).tolist() == [sum(numbers) % P]


def test_a_total_of_many_of_the_largest_numbers_does_not_wrap():
    assert field.total(np.full((100_000, 1), P - 1, dtype=np.uint64)).tolist() == [-100_000 % P]


@pytest.mark.parametrize("nodes", [4, 7])
@given(st.lists(ELEMENTS, min_size=7, max_size=7), ELEMENTS)
def test_a_polynomial_is_given_by_its_values_at_the_nodes(nodes, coefficients, r):
    def at(x):
        value, power = field.ZERO, field.ONE
        for coefficient in coefficients[:nodes]:
            value, power = field.plus(value, field.product(coefficient, power)), field.product(power, x)
        return value

    terms = [field.product(c, at((node, 0))) for node, c in enumerate(field.lagrange(r, nodes))]
    assert field.plus(*terms) == at(r)


def test_words_become_numbers_below_p():
    x = words(0, 8, 2**64 - 1)
    assert field.from_words(x).tolist() == [0, 1, 0]
    assert x.tolist() == [0, 8, 2**64 - 1]  # others may look at them
    assert field.from_words(x, out=x) is x
    assert x.tolist() == [0, 1, 0]
