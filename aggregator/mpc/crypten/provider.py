"""Gives CrypTen's own protocols their correlated randomness from the dealer, a third party."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch

from aggregator.mpc.context import get_context
from aggregator.mpc.crypten.compatibility import crypten
from aggregator.mpc.keystream import U64
from aggregator.mpc.randomness.correlations import AndTriple, Correlation, SharedBit, Triple
from protocols.errors import ProtocolError


@final
class DealerProvider:
    """Stands where CrypTen keeps its providers."""

    __slots__ = ()

    def generate_additive_triple(self, size0: Sequence[int], size1: Sequence[int], op: str, **_: object) -> Any:
        """Return shares of a, b and a * b."""
        if op != "mul" or tuple(size0) != tuple(size1):
            raise ProtocolError("only products of equally long vectors are provided for")
        return tuple(_additive(share, size0) for share in _triple(Triple(_count(size0))))

    def generate_binary_triple(self, size0: Sequence[int], size1: Sequence[int], **_: object) -> Any:
        """Return shares of words a, b and a & b."""
        if tuple(size0) != tuple(size1):
            raise ProtocolError("only equally long vectors are provided for")
        return tuple(_binary(share, size0) for share in _triple(AndTriple(_count(size0))))

    def B2A_rng(self, size: Sequence[int], **_: object) -> Any:  # noqa: N802 (CrypTen's name)
        """Return random bits, shared additively and by XOR."""
        free, product = get_context().material(SharedBit(_count(size)))
        return _additive(product, size), _binary(free & np.uint64(1), size)

    def square(self, *_: object, **__: object) -> Any:
        """Refuse."""
        raise ProtocolError("squares are products here")

    def wrap_rng(self, *_: object, **__: object) -> Any:
        """Refuse."""
        raise ProtocolError("shares are never truncated: use precision 0, and divide after opening")


def _triple(kind: Correlation) -> tuple[U64, U64, U64]:
    free, product = get_context().material(kind)
    a, b = free.reshape(2, kind.n)
    return a, b, product


def _count(size: Sequence[int]) -> int:
    return int(np.prod(tuple(size), dtype=np.int64))


def _additive(share: U64, size: Sequence[int]) -> Any:
    tensor = torch.from_numpy(share.view(np.int64)).reshape(tuple(size))
    return crypten.mpc.primitives.ArithmeticSharedTensor.from_shares(tensor, precision=0)


def _binary(share: U64, size: Sequence[int]) -> Any:
    tensor = torch.from_numpy(share.view(np.int64)).reshape(tuple(size))
    return crypten.mpc.primitives.BinarySharedTensor.from_shares(tensor, precision=0)
