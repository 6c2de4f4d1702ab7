"""Single operations of the MPC worker, as tests and benchmarks call them; an aggregator submits programs of several."""

from typing import Any

import numpy as np

from aggregator.mpc import MpcWorker, Task
from aggregator.mpc.circuits.bit_planes import WORD
from aggregator.mpc.randomness.correlations import MAX_BITS, Comparison, Triple


def compare(worker: MpcWorker, h: Any, tau: Any, *, step: int = 0, bits: int = MAX_BITS) -> Any:
    """Return additive shares of the bit `h > tau`."""
    return worker.submit(comparison(h, tau, step=step, bits=bits)).result()


def multiply(worker: MpcWorker, x: Any, y: Any, *, step: int = 0) -> Any:
    """Return additive shares of the products modulo 2**64."""
    return worker.submit(product(x, y, step=step)).result()


def crypten_compare(worker: MpcWorker, h: Any, tau: Any, *, step: int) -> Any:
    """Return what `compare` returns, by CrypTen's own circuit over our channel and dealer: to measure against."""
    return worker.submit(Task(b"crypten", step, lambda: _crypten_compare(h, tau))).result()


def comparison(h: Any, tau: Any, *, step: int = 0, bits: int = MAX_BITS) -> Task[Any]:
    """Return the task of `compare`."""
    from aggregator.mpc import operations

    operations.require_shares(h, tau)

    def call() -> Any:
        return operations.compare(h, tau, bits=bits)

    return Task(Comparison(len(h), bits, additive=True).encode(), step, call)


def product(x: Any, y: Any, *, step: int = 0) -> Task[Any]:
    """Return the task of `multiply`."""
    from aggregator.mpc import operations

    operations.require_shares(x, y)

    def call() -> Any:
        return operations.multiply(x, y)

    return Task(Triple(len(x)).encode(), step, call)


def _crypten_compare(h: Any, tau: Any) -> Any:
    import torch

    from aggregator.mpc.context import get_context
    from aggregator.mpc.crypten.compatibility import crypten

    primitives = crypten.mpc.primitives
    binary = primitives.BinarySharedTensor
    share = torch.from_numpy((tau - h).view(np.int64))
    difference = primitives.ArithmeticSharedTensor.from_shares(share, precision=0)
    parts = [binary(difference.share, src=rank) for rank in range(get_context().mesh.k)]
    sign = binary.stack(parts).sum(dim=0) >> (WORD - 1)
    return primitives.beaver.B2A_single_bit(sign & 1).share.numpy()
