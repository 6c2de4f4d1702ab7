"""Whole joint computations whose coins are chosen, and what each party receives in them."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aggregator.mpc import operations
from aggregator.mpc.context import MpcContext, set_context
from aggregator.mpc.keystream import Keystream, subkey
from aggregator.mpc.net.frames import STAMP_BYTES
from aggregator.mpc.net.links import Link
from aggregator.mpc.net.mesh import Mesh
from aggregator.mpc.randomness.correlations import Correlation
from tests.integration.mpc_parties import split

N = 4096  # elements, each an independent sample of the masks
TOP = 2**62 - 1
SIGMAS = 5.5  # 4e-8 two-sided; some ten thousand comparisons below


class Recorder:
    """One end of a socket pair that keeps what came in."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self.received = sock, bytearray()

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, data: memoryview) -> int:
        return self._sock.send(data)

    def recv_into(self, buffer: memoryview) -> int:
        got = self._sock.recv_into(buffer)
        self.received += buffer[:got]
        return got

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    def close(self) -> None:
        self._sock.close()

    def messages(self) -> list[tuple[bytes, bytes]]:
        """Return (stamp, payload) of each message."""
        rest, found = bytes(self.received), []
        while rest:
            stamp, rest = rest[:STAMP_BYTES], rest[STAMP_BYTES:]
            length = int.from_bytes(stamp[-8:], "big")
            found.append((stamp, rest[:length]))
            rest = rest[length:]
        return found


@dataclass
class SeededDealer:
    """Deals from seeded keys, and keeps what it was asked and what a party knows."""

    rank: int
    seed: int
    asked: list[bytes] = field(default_factory=list)
    known: list[Any] = field(default_factory=list)

    def take(self, kind: Correlation, index: int) -> tuple[Any, Any]:
        keys = [subkey(bytes(32), b"coins %d %d" % (self.seed, rank)) for rank in range(2)]
        self.asked.append(kind.purpose(index))
        found = kind.expand(keys[self.rank], index, kind.deal(keys, index) if self.rank == 1 else None)
        self.known += found
        return found

    def close(self) -> None:
        pass


@dataclass
class View:
    """What one party has at the end: its share, what it received, what it knows, what it asked the dealer."""

    share: Any
    messages: list[tuple[bytes, bytes]]
    known: list[Any]
    asked: list[bytes]

    def received(self, message: int) -> Any:
        return np.frombuffer(self.messages[message][1], np.uint64)


def run(operation: Callable[[Any, Any], Any], x: Any, y: Any, *, seed: int = 1, repeats: int = 1) -> list[View]:
    """Run an operation between two parties and return both views."""
    rng = np.random.default_rng(9)  # the clients' coins, fixed
    shares = split(x, 2, rng), split(y, 2, rng)
    ends = [Recorder(end) for end in socket.socketpair()]
    views: list[Any] = [None, None]

    def party(rank: int) -> None:
        try:
            link = Link(ends[rank], f"party {1 - rank}")
            dealer = SeededDealer(rank, seed)
            mesh = Mesh(rank, {1 - rank: link}, bytes(32), timeout_s=10.0, join_timeout_s=10.0)
            pair, own = (subkey(bytes(32), name) for name in (b"pair", b"own %d" % rank))
            streams = {name: Keystream(subkey(pair, b"shared")) for name in ("prev", "next", "global")}
            current = MpcContext(mesh, dealer, {**streams, "local": Recording(own, dealer.known)})
            set_context(current)
            for _ in range(repeats):
                mesh.begin(b"view test", 0)
                share = operation(shares[0][rank], shares[1][rank])
            views[rank] = View(share, ends[rank].messages(), dealer.known, dealer.asked)
        except BaseException as err:
            views[rank] = err
            ends[rank]._sock.shutdown(socket.SHUT_RDWR)
        finally:
            set_context(None)

    threads = [threading.Thread(target=party, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for end in ends:
        end.close()
    for view in views:
        if isinstance(view, BaseException):
            raise view
    return views


class Recording(Keystream):  # type: ignore[misc]
    """A stream whose party remembers what it drew."""

    __slots__ = ("_known",)

    def __init__(self, key: bytes, known: list[Any]) -> None:
        super().__init__(key)
        self._known = known

    def words(self, count: int) -> Any:
        drawn = super().words(count)
        self._known.append(drawn.copy())
        return drawn


def compare(h: Any, tau: Any) -> Any:
    return operations.compare(h, tau, bits=62)


WORLDS = {
    "nobody infected": (np.zeros(N, np.int64), np.full(N, TOP)),
    "everybody infected": (np.full(N, TOP), np.zeros(N, np.int64)),
    "everybody at the threshold": (np.full(N, 12345), np.full(N, 12345)),
}


def bits(words: Any, n_bits: int = 64) -> Any:
    return (words[:, None] >> np.arange(n_bits, dtype=np.uint64)) & np.uint64(1)


def biased_bits(words: Any, n_bits: int = 64) -> int:
    """Count bit positions that are not fair coins over the words, and neighbouring pairs that are not independent."""
    found = bits(words, n_bits).astype(np.int64)
    limit = SIGMAS * 0.5 / np.sqrt(len(words))
    pairs = found[:, 1:] ^ found[:, :-1]
    lagged = found[1:] ^ found[:-1]
    return sum(int((abs(sample.mean(0) - 0.5) > limit).sum()) for sample in (found, pairs, lagged))


def repeated(words: Any) -> int:
    return len(words) - len(np.unique(words))


def unbalanced(words: Any) -> bool:
    """Whether ones and zeros are not equally many."""
    return bool(abs(int(np.bitwise_count(words).sum()) - 32 * len(words)) > SIGMAS * 4 * np.sqrt(len(words)))
