"""Kernels of comparisons: the same bytes whatever computes, and labels where a number is below another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.masking.comparison_key import NodeHash
from aggregator.masking.trees import choice
from aggregator.masking.trees.compiled_trees import CompiledTrees, processor_has_aes
from aggregator.masking.trees.key_memory import KeyMemory
from aggregator.masking.trees.numpy_trees import NumpyTrees
from aggregator.masking.trees.tree_kernels import Corrections
from tests.repetitions import repetitions

needs_aes = pytest.mark.skipif(not processor_has_aes(), reason="the processor has no AES")
ALL = {"numpy": NumpyTrees(), "compiled": CompiledTrees()}
SIZES = st.one_of(st.sampled_from([0, 1, 2, 63, 64, 65, 129]), st.integers(0, 300))


def unaligned(words):
    """Return words as they stand in a message: read-only, at any place."""
    return np.frombuffer(b"odd" + words.tobytes(), dtype=np.uint64, offset=3, count=words.size).reshape(words.shape)


def drawn(seed, n, bits, equal):
    random = np.random.default_rng(seed)
    alpha, x = random.integers(0, 2**bits, (2, n), dtype=np.uint64)
    x[::3] = alpha[::3] if equal else x[::3]
    beta, roots = random.integers(0, 2**64, n, dtype=np.uint64), random.integers(0, 2**64, (2, n, 2), dtype=np.uint64)
    return alpha, x, beta, roots, NodeHash(random.bytes(32)).keys


def corrections(trees, alpha, beta, roots, *, bits, keys):
    out = KeyMemory().corrections(bits, alpha.size)
    trees.deal(alpha, beta, roots, keys=keys, out=out)
    return out


@needs_aes
@settings(max_examples=repetitions(30))
@given(n=SIZES, bits=st.integers(1, 57), seed=st.integers(0, 2**32), equal=st.booleans())
def test_all_kernels_have_the_same_bytes(n, bits, seed, equal):
    alpha, x, beta, roots, keys = drawn(seed, n, bits, equal)
    one, other = (corrections(each, alpha, beta, roots, bits=bits, keys=keys) for each in ALL.values())
    for name in ("nodes", "payloads", "last"):
        expected, got = getattr(one, name), getattr(other, name)
        assert (got.shape, got.tobytes()) == (expected.shape, expected.tobytes()), name
    one = Corrections(*(unaligned(each) for each in (one.nodes, one.payloads, one.last)))
    for party in (0, 1):
        shares = [each.evaluate(x, unaligned(roots[party]), one, party=party, keys=keys) for each in ALL.values()]
        assert shares[0].tobytes() == shares[1].tobytes()


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("compiled", marks=needs_aes)])
@pytest.mark.parametrize("bits", [1, 5, 57])
def test_a_label_stands_where_a_number_is_below_another(kernels, bits):
    alpha, x, beta, roots, keys = drawn(bits, 200, bits, True)
    trees = ALL[kernels]
    common = corrections(trees, alpha, beta, roots, bits=bits, keys=keys)
    one, other = (trees.evaluate(x, roots[party], common, party=party, keys=keys) for party in (0, 1))
    np.testing.assert_array_equal(one ^ other, np.where(x < alpha, beta, 0))


@needs_aes
def test_few_agents_wait_for_no_compiler():
    choice.fastest.cache_clear()
    assert isinstance(choice.trees_for(choice.LEAST_AGENTS - 1), NumpyTrees)
    assert isinstance(choice.trees_for(choice.LEAST_AGENTS), CompiledTrees)


@pytest.mark.parametrize("lack", ["numba", "AES"])
def test_without_numba_or_aes_comparisons_run_on_numpy(lack, monkeypatch):
    if lack == "numba":
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    else:
        monkeypatch.setattr("aggregator.masking.trees.compiled_trees.processor_has_aes", lambda: False)
    choice.fastest.cache_clear()
    try:
        assert isinstance(choice.fastest(), NumpyTrees)
    finally:
        choice.fastest.cache_clear()
