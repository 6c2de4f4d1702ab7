"""Kernels of a range proof, against Python's integers and against each other: the same bytes, whatever computes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.arithmetic import extension_field as field
from protocols.arithmetic.extension_field import P
from protocols.masking import folding, range_proof
from protocols.masking.kernels import choice
from protocols.masking.kernels.compiled_kernels import CompiledKernels
from protocols.masking.kernels.folding_kernels import SENT, WIDEST
from protocols.masking.kernels.numpy_kernels import NumpyKernels
from tests.repetitions import repetitions
from tests.unit.protocols.masking.test_range_proof import BITS, WORDS, accepts, send

NUMPY = NumpyKernels()
ALL = {"numpy": NUMPY, "compiled": CompiledKernels()}
SIZES = st.one_of(st.sampled_from([0, 1, 2, 3, 12, 13, 511, 512, 513, 1025]), st.integers(0, 2000))


def numbers(draw, below, *shape, edge=False):
    """Return drawn numbers, or the largest ones."""
    drawn = np.random.default_rng(draw(st.integers(0, 2**32))).integers(0, below, shape, dtype=np.uint64)
    return np.full_like(drawn, below - 1) if edge else drawn


@pytest.fixture(params=sorted(ALL))
def kernels(request):
    return ALL[request.param]


@settings(max_examples=repetitions(25))
@given(data=st.data())
def test_all_kernels_have_the_same_bytes(data):
    n, m = data.draw(SIZES), data.draw(st.integers(1, 3))
    arity, edge = data.draw(st.integers(1, WIDEST)), data.draw(st.booleans())
    groups = data.draw(st.integers(1, 57 // arity if arity > 1 else 3))
    left, right = (numbers(data.draw, 2**arity, m, n, edge=edge) for _ in range(2))
    left &= np.uint64(data.draw(st.sampled_from([2**arity - 1, 1, 1 << (arity - 1)])))
    rho, x = numbers(data.draw, P, m, n, 2, edge=edge), numbers(data.draw, P, m, 4 * n, 2, edge=edge)
    weights = numbers(data.draw, P, m, groups * arity, 2, edge=edge)
    words = numbers(data.draw, 2 ** (arity * groups), m, n, edge=edge)
    for compiled in (each for each in ALL.values() if each is not NUMPY):
        for name, given_, named in (
            ("correlate", (left, right, rho[0]), {"arity": arity}),
            ("evaluate", (weights, words, rho), {"groups": groups}),
            ("evaluate", (weights, words, rho[:-1]), {"groups": groups}),
            ("evaluate", (weights, words, rho[:0]), {"groups": groups}),
            ("values", (x[0], x[-1, ::-1]), {}),
            ("powers", (numbers(data.draw, P, m, 2, edge=edge), arity), {}),
            ("fold", (x, numbers(data.draw, P, m, 4, 2)), {}),
            ("inner_product", (rho, left), {}),
        ):
            expected, got = (getattr(each, name)(*given_, **named) for each in (NUMPY, compiled))
            assert (got.dtype, got.shape, got.tobytes()) == (expected.dtype, expected.shape, expected.tobytes()), name


@pytest.mark.parametrize("length", [4, 8, 48, 52, 268])
def test_all_folds_together_are_one_fold_after_the_other_whatever_the_length(kernels, length):
    random, folds, left = np.random.default_rng(length), 0, length
    while left > 1:
        folds, left = folds + 1, -(-left // 4)
    x, challenges = (random.integers(0, P, (2, each, 2), dtype=np.uint64) for each in (length, folds))
    x[0, -1] = 0
    for own, of_own, got in zip(x, challenges, kernels.fold_all(x.copy(), challenges), strict=True):
        each = own[None]
        for r in field.elements(of_own):
            each = folding.fold(each, r)
        assert got.tolist() == each[0, 0].tolist()


@settings(max_examples=repetitions(25))
@given(data=st.data())
def test_claims_of_all_kernels_are_those_of_single_elements(data):
    m, arity, folds = data.draw(st.integers(1, 3)), data.draw(st.integers(1, WIDEST)), data.draw(st.integers(1, 6))
    edge, sent = data.draw(st.booleans()), 2 * (arity - 1) + len(SENT) * (folds - 1)
    rows, linear = numbers(data.draw, P, m, sent, 2, edge=edge), numbers(data.draw, P, m, 2, edge=edge)
    challenges = numbers(data.draw, P, m, folds, 2, edge=edge)
    expected = []
    for row, own, (first, *later) in zip(
        map(field.elements, rows), field.elements(linear), map(field.elements, challenges), strict=True
    ):
        claim = field.value_at((*row[: arity - 1], own, *row[arity - 1 : 2 * (arity - 1)]), first)
        for place, r in enumerate(later):
            start = 2 * (arity - 1) + len(SENT) * place
            at = dict(zip(SENT, row[start : start + len(SENT)], strict=True))
            at[3] = field.minus(claim, field.plus(at[0], at[1], at[2]))
            claim = field.inner_product(field.lagrange(r, 7), [at[node] for node in range(7)])
        expected.append(claim)
    for name, each in ALL.items():
        assert field.elements(each.claims(rows, linear, challenges)) == tuple(expected), name


@pytest.mark.parametrize("edge", [False, True])
@pytest.mark.parametrize(("n", "arity"), [(0, 3), (1, 1), (7, 2), (600, WIDEST)])
def test_sums_of_products_of_bits_are_those_of_integers(kernels, n, arity, edge):
    random = np.random.default_rng(n)
    left, right = random.integers(0, 2**arity, (2, 2, n), dtype=np.uint64)
    rho = random.integers(0, P, (n, 2), dtype=np.uint64)
    if edge:
        left[:], right[:], rho[:] = 2**arity - 1, 2**arity - 1, P - 1
    got = kernels.correlate(left, right, rho, arity=arity)
    for row in (0, 1):
        for place, k in enumerate(range(1 - arity, arity)):
            pairs = zip(left[row], right[row], strict=True)
            both = [int(a) & (int(b) << k if k >= 0 else int(b) >> -k) for a, b in pairs]
            for part in (0, 1):
                expected = sum(int(r) * x for r, x in zip(rho[:, part], both, strict=True)) % P
                assert int(got[row, place, part]) == expected


def test_the_bits_of_each_group_are_weighed_and_multiplied(kernels):
    random = np.random.default_rng(1)
    weights, words = random.integers(0, P, (2, 60, 2), dtype=np.uint64), random.integers(0, 2**60, (2, 5), np.uint64)
    rho = random.integers(0, P, (2, 5, 2), dtype=np.uint64)
    got = kernels.evaluate(weights, words, rho, groups=3)
    for each in (0, 1):
        for i, word in enumerate(map(int, words[each])):
            for g in range(3):
                bits = [field.element(weights[each, 20 * g + j]) for j in range(20) if word >> 20 * g + j & 1]
                expected = field.product(field.element(rho[each, i]), field.plus(field.ZERO, *bits))
                assert field.element(got[each, 3 * i + g]) == expected


def test_the_largest_values_of_cubic_polynomials_are_added_up_exactly(kernels):
    """At the last node such rows come to 56 times the largest limb: a sum of too many is no double."""
    rows, top = 2**11, P - 1
    x = np.tile(np.array([[0, 0], [top, top], [0, 0], [top, top]], dtype=np.uint64), (rows, 1))
    x[:4] = [[0, 0], [0, 0], [1, 0], [0, 0]]
    got = kernels.values(x, x)
    for node, (weight, odd) in enumerate(((0, 0), (1, 0), (0, 1), (1, 0), (8, -6), (25, -20), (56, -45))):
        square = field.product(((weight * top) % P,) * 2, ((weight * top) % P,) * 2)
        assert field.element(got[node]) == field.plus(field.times(square, rows - 1), (odd**2, 0))


@pytest.mark.parametrize("bits", [BITS, BITS[:0], BITS[:1], np.full(3, 24, np.uint8)])
def test_a_proof_has_the_same_bytes_on_all_kernels(bits, monkeypatch):
    """One party may have the compiled kernels, and another not."""
    x, sent = WORDS[: bits.size], {}
    for name, each in ALL.items():
        monkeypatch.setattr(folding, "kernels_for", lambda n, each=each: each)
        sent[name] = send(x, bits)
    (d, one), (_, other) = sent.values()
    assert one.rows.tobytes() == other.rows.tobytes()
    assert accepts(d, one, bits)
    if bits.size:
        e = one.e.copy()
        e[0] ^= np.uint64(1)
        assert not accepts(d, dataclasses.replace(one, e=e), bits)


@pytest.mark.parametrize("name", ["compiled", pytest.param("numpy", marks=pytest.mark.slow)])
def test_one_word_beyond_its_range_by_one_is_found_among_a_million(name, monkeypatch):
    """Dense words are nearly all 0; no such word is looked at less than another."""
    for module in (folding, range_proof):
        monkeypatch.setattr(module, "kernels_for", lambda n: ALL[name])
    bits, x = np.full(10**6, 18, dtype=np.uint8), np.zeros(10**6, dtype=np.uint64)
    place = 777_777
    for word, fits in ((2**18 - 1, True), (2**18, False)):
        x[place] = word
        d, sent = send(x, bits)
        assert accepts(d, sent, bits) == fits


def test_short_vectors_wait_for_no_compiler():
    choice.fastest.cache_clear()
    assert isinstance(choice.kernels_for(choice.LEAST_WORDS - 1), NumpyKernels)
    assert isinstance(choice.kernels_for(choice.LEAST_WORDS), CompiledKernels)


def test_without_numba_everything_runs_on_numpy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    choice.fastest.cache_clear()
    try:
        assert isinstance(choice.fastest(), NumpyKernels)
    finally:
        choice.fastest.cache_clear()
