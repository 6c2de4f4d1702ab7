"""What CrypTen's backend does beyond the suite of all backends: bits left as XOR shares, its own circuit, refusals."""

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
def test_a_comparisons_bits_are_those_of_plain_integers(
    running: Parties, pairs: list[tuple[int, int]], seed: int
) -> None:
    h, tau = zip(*pairs, strict=True)
    assert compared(running, h, tau, seed=seed, name="compare_bits").tolist() == [int(a > b) for a, b in pairs]


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 127, 128, 129, 70_000])
def test_a_comparisons_bits_are_right_for_every_length(running: Parties, n: int) -> None:
    rng = np.random.default_rng(n)
    h, tau = rng.integers(0, TOP + 1, (2, n))
    tau[::3] = h[::3]
    assert (compared(running, h, tau, name="compare_bits") == (h > tau)).all()


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
