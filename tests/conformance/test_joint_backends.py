"""Every backend of joint computations against plain integers, over the full range, for two and three aggregators.

CrypTen's runs as processes, over our channel, randomness and dealer; the oracle, in threads of this process.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpm_secure.audit.views.ideal import Ideal, IdealCalculator
from tests.integration.mpc_parties import joined, parties, split
from tests.repetitions import repetitions

TOP = 2**62 - 1
EDGES = sorted({0, 1, 2, TOP, TOP - 1, *(2**b + d for b in range(1, 62) for d in (-1, 0, 1) if 2**b + d <= TOP)})
WITHIN = st.one_of(st.integers(0, TOP), st.sampled_from(EDGES))
SIGNED = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), -1, 0, 1, 2**32, 2**63 - 1]))
SETTINGS = settings(max_examples=repetitions(25), suppress_health_check=[HealthCheck.function_scoped_fixture])


class Parties(Protocol):
    """All aggregators of a backend."""

    k: int

    def call(self, name: str, *shares: list[Any], **options: Any) -> list[Any]:
        """Call an operation at all of them, each with its own shares; return what each of them got."""


class Oracle:
    """The ideal backend, with a thread for each aggregator."""

    def __init__(self, k: int, threads: ThreadPoolExecutor) -> None:
        self.k, self._threads, self._joint = k, threads, Ideal(k)

    def call(self, name: str, *shares: list[Any], **options: Any) -> list[Any]:
        given = {"compare": {"bits": 62}, "out_of_range": {"opening": lambda: None}}.get(name, {}) | options

        def party(rank: int) -> Any:
            return getattr(IdealCalculator(self._joint, rank, 0), name)(*(each[rank] for each in shares), **given)

        return list(self._threads.map(party, range(self.k)))


@pytest.fixture(scope="module", params=[2, 3], ids=["two", "three"])
def k(request: Any) -> int:
    return int(request.param)


@pytest.fixture(scope="module", params=["crypten", "ideal"])
def running(request: Any, k: int, tmp_path_factory: Any) -> Iterator[Parties]:
    if request.param == "ideal":
        with ThreadPoolExecutor(k) as threads:
            yield Oracle(k, threads)
        return
    with parties(tmp_path_factory.mktemp("mpc"), k) as started:
        yield started


def compared(running: Parties, h: Any, tau: Any, *, seed: int = 0, **options: Any) -> Any:
    rng = np.random.default_rng(seed)
    return joined(running.call("compare", split(h, running.k, rng), split(tau, running.k, rng), **options))


@SETTINGS
@given(pairs=st.lists(st.tuples(WITHIN, WITHIN), min_size=1, max_size=200), seed=st.integers(0, 2**32))
def test_a_comparison_is_that_of_plain_integers(running: Parties, pairs: list[tuple[int, int]], seed: int) -> None:
    h, tau = zip(*pairs, strict=True)
    expected = [int(a > b) for a, b in pairs]
    assert compared(running, h, tau, seed=seed).tolist() == expected


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


@SETTINGS
@given(pairs=st.lists(st.tuples(SIGNED, SIGNED), min_size=1, max_size=100), seed=st.integers(0, 2**32))
def test_a_product_is_that_of_plain_integers_modulo_2_64(
    running: Parties, pairs: list[tuple[int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = zip(*pairs, strict=True)
    shares = running.call("multiply", split(x, running.k, rng), split(y, running.k, rng))
    assert (joined(shares).view(np.uint64)).tolist() == [(a * b) % 2**64 for a, b in pairs]


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
