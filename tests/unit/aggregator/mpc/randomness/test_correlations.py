"""Correlated randomness against plain integers, and its forms on the wire."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.mpc.circuits.bit_planes import bits_of, from_planes
from aggregator.mpc.gf128 import multiply
from aggregator.mpc.randomness.correlations import (
    MAX_N,
    AndTriple,
    Blinding,
    Comparison,
    Correlation,
    PlaneReader,
    SharedBit,
    Triple,
    decode,
)
from protocols.errors import ParameterError, WireError
from tests.integration.mpc_parties import joined

KEYS = [bytes([rank]) * 32 for rank in range(5)]
KINDS: list[Any] = [Triple, AndTriple, SharedBit, Blinding, Comparison]


def dealt(kind: Correlation, k: int, index: int = 3) -> list[tuple[Any, Any]]:
    """Return every party's words of a batch."""
    correction = kind.deal(KEYS[:k], index)
    return [kind.expand(KEYS[rank], index, correction if rank == k - 1 else None) for rank in range(k)]


@pytest.mark.parametrize("k", [2, 3, 5])
def test_dealt_triples_are_products(k: int) -> None:
    words = dealt(Triple(100), k)
    a, b = joined([free for free, _ in words]).reshape(2, 100)
    assert (joined([product for _, product in words]) == a * b).all()
    words = dealt(AndTriple(100), k)
    a, b = np.bitwise_xor.reduce([free for free, _ in words]).reshape(2, 100)
    assert (np.bitwise_xor.reduce([product for _, product in words]) == a & b).all()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_dealt_blindings_are_products_in_the_field(k: int) -> None:
    words = dealt(Blinding(3), k)
    a, b = np.bitwise_xor.reduce([free for free, _ in words]).reshape(2, 3, 2)
    c = np.bitwise_xor.reduce([product for _, product in words]).reshape(3, 2)
    assert [multiply(*pair).tolist() for pair in zip(a, b, strict=True)] == c.tolist()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_dealt_bits_are_the_same_in_both_sharings(k: int) -> None:
    words = dealt(SharedBit(100), k)
    bits = np.bitwise_xor.reduce([free for free, _ in words]) & np.uint64(1)
    assert (joined([product for _, product in words]) == bits).all()
    assert 20 < bits.sum() < 80


@given(n=st.integers(1, 300), bits=st.integers(1, 62), k=st.integers(2, 5))
def test_the_mask_of_a_comparison_is_the_same_in_both_sharings(n: int, bits: int, k: int) -> None:
    kind = Comparison(n, bits, additive=True)
    words = dealt(kind, k)
    r = np.bitwise_xor.reduce([PlaneReader(free, kind.m).take(bits + 1) for free, _ in words])
    at = kind.product_planes * kind.m
    assert (joined([product[at : at + n] for _, product in words]) == from_planes(r, n)).all()
    last = np.bitwise_xor.reduce([free for free, _ in words])[-kind.m :]
    assert (joined([product[at + n :] for _, product in words]).view(np.int64) == bits_of(last, n)).all()


@given(kind=st.sampled_from(KINDS), n=st.integers(1, MAX_N), bits=st.integers(1, 62), additive=st.booleans())
def test_a_correlation_is_read_as_it_was_written(kind: Any, n: int, bits: int, additive: bool) -> None:
    one = kind(n, bits, additive) if kind is Comparison else kind(n)
    assert decode(one.encode()) == one


@given(st.binary(min_size=16, max_size=16))
def test_bytes_that_name_no_correlation_are_refused(data: bytes) -> None:
    try:
        kind = decode(data)
    except WireError:
        return
    assert kind.encode() == data


@pytest.mark.parametrize(("n", "bits"), [(0, 63), (MAX_N + 1, 63), (1, 0), (1, 64)])
def test_sizes_out_of_bounds_are_refused(n: int, bits: int) -> None:
    with pytest.raises(ParameterError):
        Comparison(n, bits)
