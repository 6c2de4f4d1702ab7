"""What CrypTen's backend does beyond the suite of all backends: its own circuit, refusals."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from protocols.errors import ParameterError
from tests.integration.mpc_parties import Parties, joined, parties, split

TOP = 2**62 - 1


@pytest.fixture(scope="module", params=[2, 3], ids=["two", "three"])
def running(request: Any, tmp_path_factory: Any) -> Iterator[Parties]:
    with parties(tmp_path_factory.mktemp("mpc"), request.param) as started:
        yield started


def compared(running: Parties, h: Any, tau: Any, *, seed: int = 0, name: str = "compare", **options: Any) -> Any:
    rng = np.random.default_rng(seed)
    shares = running.call(name, split(h, running.k, rng), split(tau, running.k, rng), **options)
    return joined(shares)


def test_cryptens_own_circuit_over_our_channel_and_dealer_agrees(running: Parties) -> None:
    rng = np.random.default_rng(5)
    h, tau = rng.integers(0, TOP + 1, (2, 500))
    tau[:100] = h[:100]
    assert (compared(running, h, tau, name="crypten_compare", step=3) == (h > tau)).all()


def test_nothing_draws_from_torchs_generator(running: Parties) -> None:
    h, tau = np.arange(100), np.full(100, 50)
    assert (compared(running, h, tau) == (h > tau)).all()
    running.call("forbid_torch_generators")
    assert (compared(running, h, tau) == (h > tau)).all()
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
