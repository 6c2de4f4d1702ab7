"""The three servers of the secret permutation over socket pairs, each in a thread of its own."""

import contextlib
import socket
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from aggregator.mpc.net.links import Link
from aggregator.permutation.channel import Channel
from aggregator.permutation.roles import Role
from aggregator.permutation.server import PermutationServer
from aggregator.permutation.setup import Tokens
from aggregator.permutation.stages import Shape
from protocols.errors import LpmError

TIMEOUT_S = 5.0


def shared(x: Any, draw: np.random.Generator) -> list[Any]:
    """Split into two shares."""
    mask = draw.integers(0, 2**64, x.size, dtype=np.uint64)
    return [mask, x - mask]


def tokens_of(target: Any, draw: np.random.Generator) -> list[Tokens]:
    """Return two shares of tokens that send out-slot i to in-slot target[i]; `slots` is nowhere."""
    slots = target.size
    out, into = (draw.integers(0, 2**64, (slots, 2), dtype=np.uint64) for _ in range(2))
    known = target < slots
    into[target[known]] = out[known]
    shares = zip(*(shared(tokens.reshape(-1), draw) for tokens in (out, into)), strict=True)
    return [Tokens(*share) for share in shares]


class Recorder:
    """One end of a socket pair that keeps what came in."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.received, self.count, self.keeps = sock, bytearray(), 0, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def recv_into(self, buffer: memoryview) -> int:
        got = self.sock.recv_into(buffer)
        self.count += got
        if self.keeps:
            self.received += buffer[:got]
        return got


class Trio:
    """All three servers, and tokens by day and role."""

    def __init__(
        self, shape: Shape, tokens: Sequence[Sequence[Tokens]], *, steps: int, period: int = 0, record: bool = True
    ) -> None:
        self._tokens, self._pool = tokens, ThreadPoolExecutor(3)
        period = period or len(tokens)
        ends: dict[Role, dict[Role, Recorder]] = {role: {} for role in Role}
        for one, other in ((Role.A, Role.B), (Role.B, Role.C), (Role.C, Role.A)):
            pair = socket.socketpair()
            ends[one][other], ends[other][one] = Recorder(pair[0]), Recorder(pair[1])
        for end in (end for each in ends.values() for end in each.values()):
            end.keeps = record
        self.ends = ends

        def open_server(role: Role) -> PermutationServer:
            links = {other: Link(end, f"server {other.name}") for other, end in ends[role].items()}
            channel = Channel(role, links, bytes(32), timeout_s=TIMEOUT_S)
            return PermutationServer(channel, shape, period=period, steps=steps)

        self.servers = dict(zip(Role, self._pool.map(open_server, Role), strict=True))
        self._serving: Future[None] = self._pool.submit(self._serve)

    def _serve(self) -> None:
        with contextlib.suppress(LpmError, OSError, ValueError):
            while True:
                self.servers[Role.C].serve_one()
        self.kill(Role.C)

    def step(self, a: Any, b: Any, step: int, *, step_of_b: int | None = None) -> list[tuple[bytes, Any]]:
        """Permute shares of out-slots, and return name and share of A and of B."""

        def one(role: Role) -> tuple[bytes, Any]:
            number = step if role == Role.A or step_of_b is None else step_of_b
            try:
                return self.servers[role].step((a, b)[role], number, lambda day: self._tokens[day][role])
            except BaseException:
                self.kill(role)
                raise

        return list(self._pool.map(one, (Role.A, Role.B)))

    def permuter(self, role: Role) -> "TrioPermuter":
        """Return one aggregator's place among the three."""
        return TrioPermuter(self.servers[role])

    def sent(self) -> dict[tuple[Role, Role], int]:
        """Return how many bytes went over each link so far, by sender and receiver."""
        return {(other, role): end.count for role, ends in self.ends.items() for other, end in ends.items()}

    def received(self, role: Role, other: Role) -> bytes:
        """Return all bytes that one server got from another."""
        return bytes(self.ends[role][other].received)

    def __enter__(self) -> "Trio":
        return self

    def __exit__(self, *_: object) -> None:
        for role in Role:
            self.kill(role)
        self._pool.shutdown()
        for role in Role:
            self.servers[role].close()

    def kill(self, role: Role) -> None:
        """End a server's connections, as the end of its process would."""
        for end in self.ends[role].values():
            with contextlib.suppress(OSError):
                end.sock.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class TrioPermuter:
    """One aggregator's server, as a run uses it."""

    server: PermutationServer

    def permute(self, x: Any, *, step: int, tokens: Any) -> tuple[bytes, Any]:
        """Permute with the others."""
        return self.server.step(x, step, tokens)
