"""The field of proofs of openings: one set of bytes whatever computes, and the field that GCM has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.masking.carry.compiled_field import CompiledField, processor_multiplies
from aggregator.masking.carry.field_kernels import SHIFTS, Lines, integers, lagrange, powers, product, total, vector
from aggregator.masking.carry.numpy_field import NumpyField

needs_product = pytest.mark.skipif(not processor_multiplies(), reason="the processor has no carry-less product")
KERNELS = [NumpyField(), pytest.param(CompiledField(), marks=needs_product)]
ELEMENT = st.integers(0, 2**128 - 1)


def slow(a, b):
    """Multiply bit by bit."""
    out = 0
    for bit in range(128):
        out ^= (a << bit) * (b >> bit & 1)
    for bit in reversed(range(128, 255)):
        out ^= ((1 << 128 | 0x87) << bit - 128) * (out >> bit & 1)
    return out


@given(ELEMENT, ELEMENT)
def test_a_product_is_that_of_polynomials(a, b):
    assert product(a, b) == slow(a, b)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("m", [4, 8, 5000])
def test_kernels_compute_products_sums_and_folds(kernels, m):
    random = np.random.default_rng(m)
    a, b = random.integers(0, 2**64, (2, m, 2), dtype=np.uint64)
    few = slice(0, 40)
    expected = [slow(x, y) for x, y in zip(integers(a[few]), integers(b[few]), strict=True)]
    assert integers(kernels.multiply(a, b)[few]) == expected
    assert integers(kernels.multiply(a, b[:1])[few]) == [slow(x, integers(b[:1])[0]) for x in integers(a[few])]
    assert (kernels.inner(a, b) == total(kernels.multiply(a, b))).all()
    assert (kernels.weigh(a[:, 0], b) == kernels.inner(a * np.array([1, 0], np.uint64), b)).all()
    folded = kernels.fold(a.reshape(-1, 4, 2), b[:4])
    assert [each.tolist() for each in folded[[0, -1]]] == [
        total(kernels.multiply(four, b[:4])).tolist() for four in (a[:4], a[-4:])
    ]


@pytest.mark.parametrize("kernels", KERNELS)
def test_words_are_evaluated_at_powers(kernels):
    words = np.random.default_rng(1).integers(0, 2**64, 9, dtype=np.uint64)
    at = powers(0x1234567890ABCDEF << 50, 64)
    expected = [0] * len(words)
    for place, word in enumerate(words.tolist()):
        for bit in range(64):
            expected[place] ^= at[bit] * (word >> bit & 1)
    assert integers(kernels.evaluate(words, at)) == expected


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("w", [1, 70])
def test_lines_are_correlated_with_all_shifts_of_what_was_dealt(kernels, w):
    random = np.random.default_rng(w)
    lines = Lines(np.array([0, 2, 1]), np.array([0, 2, 3]), random.integers(0, 2**64, (3, w), dtype=np.uint64))
    dealt = random.integers(0, 2**64, (3, w), dtype=np.uint64)
    weights = random.integers(0, 2**64, (2, w, 2), dtype=np.uint64)
    sums = kernels.correlate(lines, dealt, weights)
    for shift in (-63, -1, 0, 1, 40, 63):
        moved = dealt << np.uint64(shift) if shift > 0 else dealt >> np.uint64(-shift)
        opened = [lines.coefficients[0] & moved[0] ^ lines.coefficients[1] & moved[2], lines.coefficients[2] & moved[1]]
        expected = 0
        for line in range(2):
            for word, weight in zip(opened[line].tolist(), integers(weights[line]), strict=True):
                expected ^= slow(word, weight)
        assert integers(sums[SHIFTS.index(shift)])[0] == expected


def test_the_values_of_a_polynomial_are_carried_to_any_place():
    coefficients = [3, 1 << 100, 0, 12345, 7, 1 << 127, 99]
    value = lambda at: total(vector([product(c, p) for c, p in zip(coefficients, powers(at, 7), strict=True)]))  # noqa: E731
    r = 1 << 127 | 31337
    found = total(vector([product(integers(value(x))[0], weight) for x, weight in enumerate(lagrange(r, 7))]))
    assert (found == value(r)).all()
