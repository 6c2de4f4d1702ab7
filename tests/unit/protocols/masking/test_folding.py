"""The inner product of a range proof and its folds, against loops over Python's integers."""

import numpy as np
import pytest

from protocols.arithmetic import extension_field as field
from protocols.arithmetic.extension_field import P
from protocols.errors import ParameterError
from protocols.masking import folding
from protocols.masking.folding import ProofShape
from protocols.masking.words import WIDTH

BITS = np.array([5, 0, 22, 1, 22, 13], dtype=np.uint8)
RANDOM = np.random.default_rng(1)
R = (12345678901234567, 7654321)


def elements(count):
    return RANDOM.integers(0, P, (count, 2), dtype=np.uint64)


def masked(count, shape):
    return RANDOM.integers(0, 2**63, count, dtype=np.uint64) & shape.masks


def bit(word, j):
    return int(word) >> j & 1


def test_a_shape_counts_groups_and_folds():
    shape = ProofShape.of(BITS)
    assert (shape.n, shape.width, shape.groups, shape.arity, shape.length, shape.rounds) == (6, 23, 1, 24, 8, 3)
    assert ProofShape.of(BITS[:0]).rounds == 2
    assert shape.masks.tolist() == [2**23 + 2 ** int(b) - 1 for b in BITS]
    alike = [ProofShape.of(np.full(6, bits, dtype=np.uint8)).folds for bits in (8, 9, 15, 16)]
    assert alike == [(15, 3)] * 3 + [(23, 3)]
    wide = ProofShape.of(np.array([57, 3], dtype=np.uint8))
    assert (wide.groups, wide.arity, wide.length) == (3, 20, 8)


@pytest.mark.parametrize("bits", [BITS, BITS[:0], BITS[:1], np.zeros(1, np.uint8), np.full(40, 57, np.uint8)])
def test_rows_are_the_first_folds_coefficients_and_six_values_of_each_other(bits):
    shape = ProofShape.of(bits)
    rows = shape.rows(np.arange(2 * shape.sent, dtype=np.uint64).reshape(-1, 2))
    assert [len(row) for row in rows] == [2 * shape.arity - 2, *[6] * (shape.rounds - 1)]
    assert np.concatenate(rows).reshape(-1).tolist() == list(range(2 * shape.sent))


def test_a_word_of_58_bits_is_refused():
    with pytest.raises(ParameterError, match="57 bits at most"):
        ProofShape.of(np.array([58], dtype=np.uint8))


def product_at(shape, e, a, rho, r):
    """Return the first polynomial at an element: bits of E are rising coefficients, those of A falling ones."""
    at, value = field.powers(r, shape.arity), field.ZERO
    for i in range(shape.n):
        for g in range(shape.groups):
            left = right = field.ZERO
            for m in range(shape.arity):
                j = shape.arity * g + m
                if j > shape.width:
                    continue
                weight = 2 ** (j + 1) if j < shape.width else -(2 ** (WIDTH + 1))
                left = field.plus(left, field.product(at[m], (weight * bit(e[i], j) % P, 0)))
                right = field.plus(right, field.product(at[-1 - m], (bit(a[i], j), 0)))
            value = field.plus(value, field.product(field.element(rho[i]), field.product(left, right)))
    return value


def central(shape, e, a, rho):
    """Return the inner product of bits that is claimed."""
    terms = [
        field.product(
            field.element(rho[i]),
            ((2 ** (j + 1) if j < shape.width else -(2 ** (WIDTH + 1))) * bit(e[i], j) * bit(a[i], j) % P, 0),
        )
        for i in range(shape.n)
        for j in range(shape.width + 1)
    ]
    return field.plus(field.ZERO, *terms)


@pytest.mark.parametrize("widest", [0, 1, 22, 23, 24, 57])
def test_the_first_polynomial_is_the_product_of_the_folded_bits(widest):
    shape = ProofShape.of(np.minimum(np.array([5, 0, 57, 1, 57, 13], dtype=np.uint8), widest))
    e, a, rho = masked(6, shape), masked(6, shape), elements(6)
    sent = list(field.elements(folding.first_coefficients(shape, e, a, rho)))
    coefficients = [*sent[: shape.arity - 1], central(shape, e, a, rho), *sent[shape.arity - 1 :]]
    expected = product_at(shape, e, a, rho, R)
    terms = zip(field.powers(R, 2 * shape.arity - 1), coefficients, strict=True)
    assert field.plus(*(field.product(*each) for each in terms)) == expected
    behind = [folding.NONE, np.array([[3, 4]], dtype=np.uint64)]
    left, right = folding.first_fold([shape] * 2, [R] * 2, [e, a], [rho], behind)
    assert field.element(field.total(field.multiply(left, right))) == expected
    assert right[shape.n * shape.groups].tolist() == [3, 4]
    assert not left[shape.n * shape.groups :].any()


def test_a_fold_is_the_value_of_the_cubic_polynomials():
    left, right = elements(8), elements(8)
    values = folding.values(left, right)
    for row, node in enumerate((0, 1, 2, 4, 5, 6)):
        expected = field.ZERO
        for group in (0, 1):
            lam = field.lagrange((node, 0), 4)
            at = [
                field.plus(*(field.product(c, field.element(x[4 * group + m])) for m, c in enumerate(lam)))
                for x in (left, right)
            ]
            expected = field.plus(expected, field.product(*at))
        assert field.element(values[row]) == expected
    (folded,) = folding.fold(left[None], R)
    assert folded.shape == (4, 2)  # two values, padded for the next fold
    lam = field.lagrange(R, 4)
    expected = field.plus(*(field.product(c, field.element(left[4 + m])) for m, c in enumerate(lam)))
    assert field.element(folded[1]) == expected
    assert not folded[2:].any()


@pytest.mark.parametrize("values", [[0, 0], [5, 2**23 - 1]])
def test_the_equation_of_honest_words_holds_over_the_integers(values):
    shape = ProofShape.of(np.array([23, 23], dtype=np.uint8))
    x, pads = np.array(values, dtype=np.uint64), np.array([7, 2**58 - 1], dtype=np.uint64)
    d = (x + pads) % np.uint64(2**58)
    a = masked(2, shape)
    e = (x | (d < pads).astype(np.uint64) << np.uint64(23)) ^ a
    for i in range(2):
        one = ProofShape.of(shape.bits[:1])
        rho = np.array([[1, 0]], dtype=np.uint64)
        sides = [
            *folding.linear_sides(one, e[None, i : i + 1], d[None, i : i + 1], rho[None], sign=-1),
            *folding.linear_sides(one, a[None, i : i + 1], pads[None, i : i + 1], rho[None], sign=1),
        ]
        weights = [2 ** (j + 1) for j in range(23)] + [-(2 ** (WIDTH + 1))]
        left = sum(weight * bit(e[i], j) * bit(a[i], j) for j, weight in enumerate(weights))
        assert field.plus(*sides) == (left % P, 0)
