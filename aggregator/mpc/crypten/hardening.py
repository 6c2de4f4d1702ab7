"""Makes CrypTen draw, talk and multiply our way: once per process, before anything is computed.

Security:
    Both of CrypTen's random functions are replaced in every module that imported them by name, so that nothing is ever
    drawn from torch's generator, which takes 32-bit seeds. Its communicator is replaced, so that nothing goes over
    plaintext gloo, nothing is unpickled, and what leaks (`reduce` to one party) is refused.
"""

import os
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, final

import numpy as np
import torch
from torch.distributed import ReduceOp

from aggregator.mpc.context import get_context, has_context
from aggregator.mpc.crypten.compatibility import crypten
from aggregator.mpc.crypten.provider import DealerProvider
from aggregator.mpc.keystream import KEY_BYTES, Keystream
from protocols.errors import ProtocolError

_DRAWING: Final = (
    "common.rng",
    "mpc.primitives.arithmetic",
    "mpc.primitives.binary",
    "mpc.provider.tfp_provider",
    "mpc.provider.ttp_provider",
)
_STREAMS: Final = ("prev", "next", "local", "global")


@final
class StreamName:
    """Stands where CrypTen keeps a torch generator, and names one of the MPC thread's streams."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """Name one of `prev`, `next`, `local` and `global`."""
        self.name = name


@final
class Communicator:
    """Stands where CrypTen keeps its communicator: only what the operations of this package need."""

    __slots__ = ()

    @classmethod
    def is_initialized(cls) -> bool:
        """Whether the calling thread has a session."""
        return has_context()

    @classmethod
    def get(cls) -> "Communicator":
        """Return the communicator of the calling thread's session."""
        get_context()
        return cls()

    def get_rank(self) -> int:
        """Return this party's rank."""
        return get_context().mesh.rank

    def get_world_size(self) -> int:
        """Return the number of parties."""
        return get_context().mesh.k

    def all_reduce(self, input: Any, op: Any = ReduceOp.SUM, batched: bool = False) -> Any:  # noqa: A002 (CrypTen's)
        """Open shares to all parties."""
        if op not in (ReduceOp.SUM, ReduceOp.BXOR):
            raise ProtocolError("only sums and exclusive ors are opened here")
        shares = input if batched else [input]
        own = [np.ascontiguousarray(share.numpy()).view(np.uint64) for share in shares]
        opened = get_context().open(own, np.add if op == ReduceOp.SUM else np.bitwise_xor)
        out = [torch.from_numpy(words.view(np.int64)) for words in opened]
        return out if batched else out[0]

    def __getattr__(self, name: str) -> Any:
        """Refuse everything else that CrypTen's communicator could do."""
        raise ProtocolError(f"CrypTen asked for {name!r}, which would send something that our protocol does not")


def ring_elements(size: Sequence[int], ring_size: int = 2**64, generator: Any = None, **_: object) -> torch.Tensor:
    """Return uniform ring elements; stands for CrypTen's function of that purpose."""
    if ring_size != 2**64:
        raise ProtocolError("random ring elements are drawn from 64-bit words only")
    stream = get_context().streams["local" if generator is None else generator.name]
    shape = tuple(size)
    return torch.from_numpy(stream.words(int(np.prod(shape, dtype=np.int64))).view(np.int64)).reshape(shape)


def kbit_tensor(size: Sequence[int], bitlength: int | None = None, generator: Any = None, **_: object) -> torch.Tensor:
    """Return uniform numbers of so many bits; stands for CrypTen's function of that purpose."""
    drawn = ring_elements(size, generator=generator)
    return drawn if bitlength in (None, 64) else drawn & ((1 << bitlength) - 1)


def exchange_keys() -> None:
    """Agree on the keys that neighbours, and all parties, share; stands for CrypTen's set-up of its generators."""
    mesh, streams = get_context().mesh, get_context().streams
    to_next, to_all, none = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES), bytes(KEY_BYTES)
    following, before = (mesh.rank + 1) % mesh.k, (mesh.rank - 1) % mesh.k
    mine = {
        rank: (to_next if rank == following else none) + (to_all if mesh.rank == 0 else none)
        for rank in range(mesh.k)
        if rank != mesh.rank
    }
    theirs = mesh.send_keys(mine, 2 * KEY_BYTES)
    streams["prev"] = Keystream(theirs[before][:KEY_BYTES])
    streams["next"] = Keystream(to_next)
    streams["global"] = Keystream(to_all if mesh.rank == 0 else theirs[0][KEY_BYTES:])
    streams["local"] = Keystream(os.urandom(KEY_BYTES))


@cache
def harden() -> None:
    """Install all of it; the second call does nothing."""
    for name in _DRAWING:
        module = _module(name)
        for theirs, ours in (
            ("generate_random_ring_element", ring_elements),
            ("generate_kbit_random_tensor", kbit_tensor),
        ):
            if hasattr(module, theirs):
                setattr(module, theirs, ours)
    crypten.communicator.DistributedCommunicator = Communicator
    crypten._setup_prng = exchange_keys
    device = torch.device("cpu")
    for name in _STREAMS:
        crypten.generators[name] = {device: StreamName(name)}
    vars(crypten.mpc)["__SUPPORTED_PROVIDERS"]["DEALER"] = DealerProvider()
    crypten.config.cfg.mpc.provider = "DEALER"
    crypten.config.cfg.encoder.precision_bits = 0
    torch.set_num_threads(1)  # the MPC thread is one; the machine's other cores belong to other workers


def _module(name: str) -> Any:
    found = crypten
    for part in name.split("."):
        found = getattr(found, part)
    return found
