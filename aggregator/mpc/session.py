"""A session of the MPC thread: the joined parties, their keys, and the operations that go over them."""

import socket
from collections.abc import Callable
from typing import TypeVar, final

from aggregator.mpc.config import PartyConfig
from aggregator.mpc.context import MpcContext, set_context
from aggregator.mpc.crypten.compatibility import crypten
from aggregator.mpc.crypten.hardening import harden
from aggregator.mpc.net.mesh import Mesh
from aggregator.mpc.net.mesh_join import join
from aggregator.mpc.net.tls import Tls
from aggregator.mpc.randomness.dealer_client import DealerClient

T = TypeVar("T")

harden()


@final
class MpcSession:
    """Belongs to one thread, from the join to its end; after any error it is closed, and another one joined."""

    __slots__ = ("_context",)

    def __init__(self, context: MpcContext) -> None:
        """Agree on keys with the other parties."""
        self._context = context
        set_context(context)
        try:
            crypten._setup_prng()
        except BaseException:
            self.retire()
            raise

    @classmethod
    def join(cls, config: PartyConfig, tls: Tls, listener: socket.socket) -> "MpcSession":
        """Join the other parties and the dealer."""
        links, name = join(config, tls, listener)
        mesh = Mesh(config.rank, links, name, timeout_s=config.timeout_s, join_timeout_s=config.join_timeout_s)
        try:
            dealer = DealerClient(config, tls, name)
        except BaseException:
            mesh.close()
            raise
        return cls(MpcContext(mesh, dealer))

    @property
    def alive(self) -> bool:
        """Whether to go on with this session, rather than join again."""
        return self._context.mesh.alive

    def run(self, operation: Callable[[], T], *, kind: bytes, step: int) -> T:
        """Carry out an operation; `kind` and `step` must be the same for all parties."""
        self._context.mesh.begin(kind, step)
        return operation()

    def close(self) -> None:
        """Close all connections; the other parties notice at once."""
        set_context(None)
        self._context.mesh.close()
        self._context.dealer.close()

    def retire(self) -> None:
        """Give up after an error; the other parties notice, whether they are in the operation or come to it late."""
        set_context(None)
        self._context.mesh.retire()
        self._context.dealer.close()
