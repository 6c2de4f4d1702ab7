"""A process of its own for one aggregator's MPC worker, or for the dealer; takes pickled calls on standard input."""

import os
import pickle
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from aggregator.mpc import DealerConfig, MpcWorker, serve_dealer
from protocols.errors import LpmError
from tests import mpc_tasks


def main() -> None:
    """Serve until the input ends."""
    warnings.simplefilter("error")
    calls, answers = sys.stdin.fileno(), sys.stdout.fileno()
    config = get(calls)
    if isinstance(config, DealerConfig):
        serve_dealer(config, ready=lambda: put(answers, "ready"))
        return
    worker = MpcWorker(config)
    put(answers, "ready")
    while True:
        try:
            name, args, kwargs = get(calls)
        except EOFError:
            break
        try:
            put(answers, SPECIAL[name](worker, *args, **kwargs))
        except LpmError as err:
            put(answers, err)
    worker.close()


def put(pipe: int, what: object) -> None:
    """Write an object whole, even if this process is stopped in the middle of it."""
    data = pickle.dumps(what)
    rest = memoryview(len(data).to_bytes(8, "big") + data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def get(pipe: int) -> Any:
    """Read an object.

    Raises:
        EOFError: the other side ended before it was complete.
    """
    return pickle.loads(_read(pipe, int.from_bytes(_read(pipe, 8), "big")))


def _read(pipe: int, n_bytes: int) -> bytes:
    parts = []
    while n_bytes:
        parts.append(os.read(pipe, min(n_bytes, 1 << 20)))
        n_bytes -= len(parts[-1])
        if not parts[-1]:
            raise EOFError
    return b"".join(parts)


def out_of_range(worker: MpcWorker, x: Any, *, bits: Any, step: int = 0) -> Any:
    """Tell whether any of some shared numbers is out of its range."""
    from aggregator.mpc import ranges
    from aggregator.mpc.worker import Task

    return worker.submit(Task(b"ranges", step, lambda: ranges.out_of_range(x, bits))).result()


def range_check(worker: MpcWorker, h: Any, _: Any, *, step: int, bits: int) -> Any:
    """Check that as many numbers as are given, all of them 0, are in [0, 2**bits), as an honest step has it."""
    found = out_of_range(worker, np.zeros_like(h), bits=np.full(len(h), bits, np.uint8), step=step)
    assert not found
    return found


def draw_once_too_often(worker: MpcWorker, *, stream: str) -> None:
    """Desynchronise this party from its neighbour by one pseudorandom word."""
    from aggregator.mpc.context import get_context

    worker._thread.submit(lambda: get_context().streams[stream].words(1)).result()


def take_a_batch_too_many(worker: MpcWorker) -> None:
    """Desynchronise this party from the others by one batch of the dealer's randomness."""
    from aggregator.mpc.context import get_context
    from aggregator.mpc.randomness.correlations import Triple

    worker._thread.submit(lambda: get_context().material(Triple(1))).result()


def openings_seen(worker: MpcWorker) -> list[Any]:
    """Record from now on what this party combines; return what it combined so far."""
    from aggregator.mpc.net.mesh import Mesh

    if not hasattr(Mesh.open, "recorded"):
        plain = Mesh.open

        def recorded(self: Mesh, *args: Any, **kwargs: Any) -> Any:
            opened = plain(self, *args, **kwargs)
            _SEEN.append(len(opened))
            return opened

        recorded.recorded = True
        Mesh.open = recorded
    return list(_SEEN)


def forbid_torch_generators(worker: MpcWorker) -> None:
    """Make every way to draw from torch's generators raise."""
    import torch

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("something drew from torch's generator")

    for name in ("rand", "randn", "randint", "randperm", "bernoulli", "normal", "manual_seed", "seed", "Generator"):
        setattr(torch, name, forbidden)
    for name in ("random_", "uniform_", "normal_", "bernoulli_", "exponential_"):
        setattr(torch.Tensor, name, forbidden)


def timed(worker: MpcWorker, *, operation: str, n: int, repeats: int) -> list[float]:
    """Return how long each of some operations on `n` numbers took, the first one left out."""
    import time

    call = SPECIAL[operation]
    h, tau = np.random.default_rng(0).integers(0, 2**62, (2, n))
    seconds = []
    for step in range(repeats + 1):
        began = time.perf_counter()
        call(worker, h, tau, step=step)
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


_SEEN: list[int] = []
SPECIAL: dict[str, Callable[..., Any]] = {
    **{name: getattr(mpc_tasks, name) for name in ("compare", "multiply", "crypten_compare")},
    "draw_once_too_often": draw_once_too_often,
    "take_a_batch_too_many": take_a_batch_too_many,
    "openings_seen": openings_seen,
    "forbid_torch_generators": forbid_torch_generators,
    "timed": timed,
    "out_of_range": out_of_range,
    "range_8_bits": partial(range_check, bits=8),
    "range_48_bits": partial(range_check, bits=48),
}

if __name__ == "__main__":
    main()
