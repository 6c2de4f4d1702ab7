"""Comparison and multiplication on shares against plain integers, over the full range, for 2 and 3 aggregators."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.errors import ParameterError
from tests.integration.mpc_parties import Parties, joined, parties, split

TOP = 2**62 - 1
EDGES = sorted({0, 1, 2, TOP, TOP - 1, *(2**b + d for b in range(1, 62) for d in (-1, 0, 1) if 2**b + d <= TOP)})
WITHIN = st.one_of(st.integers(0, TOP), st.sampled_from(EDGES))
SIGNED = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), -1, 0, 1, 2**32, 2**63 - 1]))
SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=[2, 3], ids=["two", "three"])
def running(request: Any, tmp_path_factory: Any) -> Iterator[Parties]:
    with parties(tmp_path_factory.mktemp("mpc"), request.param) as started:
        yield started


def compared(running: Parties, h: Any, tau: Any, *, seed: int = 0, name: str = "compare", **options: Any) -> Any:
    rng = np.random.default_rng(seed)
    shares = running.call(name, split(h, running.k, rng), split(tau, running.k, rng), **options)
    return np.bitwise_xor.reduce(shares) if name == "compare_bits" else joined(shares)


@SETTINGS
@given(pairs=st.lists(st.tuples(WITHIN, WITHIN), min_size=1, max_size=200), seed=st.integers(0, 2**32))
def test_a_comparison_is_that_of_plain_integers(running: Parties, pairs: list[tuple[int, int]], seed: int) -> None:
    h, tau = zip(*pairs, strict=True)
    expected = [int(a > b) for a, b in pairs]
    assert compared(running, h, tau, seed=seed).tolist() == expected
    assert compared(running, h, tau, seed=seed, name="compare_bits").tolist() == expected


@SETTINGS
@given(bits=st.integers(1, 62), data=st.data())
def test_a_comparison_of_fewer_bits_is_right_within_its_range(running: Parties, bits: int, data: Any) -> None:
    numbers = st.one_of(st.integers(0, 2**bits - 1), st.sampled_from([0, 2**bits - 1, 2 ** (bits - 1)]))
    h = data.draw(st.lists(numbers, min_size=70, max_size=70))
    tau = data.draw(st.lists(numbers, min_size=70, max_size=70))
    assert compared(running, h, tau, bits=bits).tolist() == [int(a > b) for a, b in zip(h, tau, strict=True)]


def test_a_comparison_is_right_at_every_pair_of_edges(running: Parties) -> None:
    h, tau = (grid.ravel() for grid in np.meshgrid(EDGES, EDGES))
    assert (compared(running, h, tau) == (h > tau)).all()


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 127, 128, 129, 70_000])
def test_a_comparison_is_right_for_every_length(running: Parties, n: int) -> None:
    rng = np.random.default_rng(n)
    h, tau = rng.integers(0, TOP + 1, (2, n))
    tau[::3] = h[::3]
    assert (compared(running, h, tau) == (h > tau)).all()
    assert (compared(running, h, tau, name="compare_bits") == (h > tau)).all()


@SETTINGS
@given(pairs=st.lists(st.tuples(SIGNED, SIGNED), min_size=1, max_size=100), seed=st.integers(0, 2**32))
def test_a_product_is_that_of_plain_integers_modulo_2_64(
    running: Parties, pairs: list[tuple[int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = zip(*pairs, strict=True)
    shares = running.call("multiply", split(x, running.k, rng), split(y, running.k, rng))
    assert (joined(shares).view(np.uint64)).tolist() == [(a * b) % 2**64 for a, b in pairs]


def test_cryptens_own_circuit_over_our_channel_and_dealer_agrees(running: Parties) -> None:
    rng = np.random.default_rng(5)
    h, tau = rng.integers(0, TOP + 1, (2, 500))
    tau[:100] = h[:100]
    assert (compared(running, h, tau, name="crypten_compare", step=3) == (h > tau)).all()


def test_nothing_draws_from_torchs_generator(running: Parties) -> None:
    h, tau = np.arange(100), np.full(100, 50)
    assert (compared(running, h, tau) == (h > tau)).all()
    running.call("forbid_torch_generators")
    for name in ("compare", "compare_bits"):
        assert (compared(running, h, tau, name=name) == (h > tau)).all()
    assert (compared(running, h, tau, name="crypten_compare", step=1) == (h > tau)).all()
    rng = np.random.default_rng(0)
    assert (joined(running.call("multiply", split(h, running.k, rng), split(tau, running.k, rng))) == h * tau).all()


@pytest.mark.parametrize(
    ("h", "tau", "options"),
    [
        (np.zeros(3, np.int64), np.zeros(2, np.int64), {}),
        (np.zeros(3, np.int32), np.zeros(3, np.int32), {}),
        (np.zeros(3), np.zeros(3), {}),
        (np.zeros((2, 2), np.int64), np.zeros((2, 2), np.int64), {}),
        (np.zeros(0, np.int64), np.zeros(0, np.int64), {}),
        (np.zeros(3, np.int64), np.zeros(3, np.int64), {"bits": 64}),
        (np.zeros(3, np.int64), np.zeros(3, np.int64), {"bits": 0}),
        (np.zeros(3, np.int64), np.zeros(3, np.int64), {"step": -1}),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_sent(
    running: Parties, h: Any, tau: Any, options: dict[str, int]
) -> None:
    answers = running.call("compare", [h] * running.k, [tau] * running.k, **options)
    assert all(isinstance(answer, ParameterError) for answer in answers)
    assert compared(running, [2, 1], [1, 2]).tolist() == [1, 0]


RANGED = st.integers(0, 63).flatmap(
    lambda bits: st.tuples(
        st.just(bits),
        st.one_of(
            st.integers(0, 2**bits - 1),
            st.integers(-(2**63), 2**63 - 1),
            st.sampled_from([0, 2**bits - 1, (2**bits + 2**63) % 2**64 - 2**63, -1, -(2**63), 2**63 - 1, -(2**bits)]),
        ),
    )
)


def in_range(bits: int, number: int) -> bool:
    return 0 <= number % 2**64 < 2**bits


@SETTINGS
@given(drawn=st.lists(RANGED, min_size=1, max_size=200), seed=st.integers(0, 2**32))
def test_a_number_out_of_its_range_is_found_whatever_it_is(
    running: Parties, drawn: list[tuple[int, int]], seed: int
) -> None:
    shares = split([number for _, number in drawn], running.k, np.random.default_rng(seed))
    bits = np.array([bits for bits, _ in drawn], np.uint8)
    told = running.call("out_of_range", shares, bits=bits)
    assert told == [not all(in_range(*pair) for pair in drawn)] * running.k


@pytest.mark.parametrize("n", [1, 63, 64, 65, 130, 5000])
@pytest.mark.parametrize("top", [0, 1, 4, 5, 16, 17, 63])
def test_one_wrong_number_among_many_is_found(running: Parties, n: int, top: int) -> None:
    rng = np.random.default_rng(n + top)
    bits = rng.integers(0, top + 1, 2 * n).astype(np.uint8)
    numbers = np.array([int(rng.integers(0, 2 ** int(b), dtype=np.uint64)) for b in bits], np.int64)
    assert running.call("out_of_range", split(numbers, running.k, rng), bits=bits) == [False] * running.k
    for wrong in (1 << int(bits[-1]), -1):
        numbers[-1] = np.uint64(wrong % 2**64).astype(np.int64)
        assert running.call("out_of_range", split(numbers, running.k, rng), bits=bits) == [True] * running.k
