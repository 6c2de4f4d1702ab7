"""A mesh's listener: it lets the other parties in, handshakes side by side, so that a silent caller delays nobody."""

import contextlib
import queue
import socket
import threading
import time
from typing import Final, final

from aggregator.mpc.config import MeshConfig
from aggregator.mpc.net.frames import HELLO_BYTES, Hello
from aggregator.mpc.net.links import Link, Transfer, exchange
from aggregator.mpc.net.tls import Tls, names, require
from protocols.errors import LpmError, PartiesDisagree, Unavailable

_PAUSE_S: Final = 0.01
_HANDSHAKE_S: Final = 5.0
_MAX_HANDSHAKES: Final = 64  # at a time; whoever comes then is turned away, and comes again
Arrival = tuple[int, Link, bytes]


def greet(link: Link, hello: Hello, rank: int, *, timeout_s: float) -> Hello:
    """Exchange hellos over a fresh connection, and check the other side's."""
    answer = bytearray(HELLO_BYTES)
    exchange([Transfer(link, [hello.encode()], [answer])], timeout_s=timeout_s)
    theirs = Hello.decode(bytes(answer))
    theirs.require(rank=rank, k=hello.k, run=hello.run)
    return theirs


@final
class Listener:
    """Takes callers until all parties of higher rank are in; each handshake has a thread and 5 s."""

    def __init__(self, config: MeshConfig, tls: Tls, hello: Hello) -> None:
        """Know whom to wait for."""
        self._tls, self._hello, self._join_timeout_s = tls, hello, config.join_timeout_s
        self._parties = config.parties
        self._waiting = {party.name: rank for rank, party in enumerate(config.parties) if rank > config.rank}
        self._places = threading.BoundedSemaphore(_MAX_HANDSHAKES)
        self._results: queue.SimpleQueue[Arrival | PartiesDisagree] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = True

    def admit(self, port: socket.socket, deadline: float) -> dict[int, tuple[Link, bytes]]:
        """Return each party's link and nonce, by rank.

        Raises:
            Unavailable: a party did not come in time.
            PartiesDisagree: a party is in another run.
        """
        admitted: dict[int, tuple[Link, bytes]] = {}
        port.settimeout(_PAUSE_S)
        try:
            while len(admitted) < len(self._waiting):
                if time.monotonic() >= deadline:
                    late = ", ".join(name for name, rank in self._waiting.items() if rank not in admitted)
                    raise Unavailable(f"not all of {late} came within {self._join_timeout_s:g} s; check that they run")
                self._accept(port)
                self._collect(admitted)
        except BaseException:
            for link, _ in admitted.values():
                link.close()
            raise
        finally:
            self._stop()
        return admitted

    def _accept(self, port: socket.socket) -> None:
        try:
            raw, _ = port.accept()
        except TimeoutError:
            return
        if self._places.acquire(blocking=False):
            threading.Thread(target=self._handshake, args=(raw,), daemon=True, name="mpc-listener").start()
        else:
            raw.close()

    def _collect(self, admitted: dict[int, tuple[Link, bytes]]) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                result = self._results.get_nowait()
                if isinstance(result, PartiesDisagree):
                    raise result
                rank, link, nonce = result
                if rank in admitted:  # the party came again: its first connection is dead
                    admitted[rank][0].close()
                admitted[rank] = link, nonce

    def _handshake(self, raw: socket.socket) -> None:
        """Let one caller in, if it is somebody whom this party waits for."""
        sock: socket.socket = raw
        try:
            raw.settimeout(_HANDSHAKE_S)
            sock = secure = self._tls.accepting.wrap_socket(raw, server_side=True)
            (name,) = names(secure)
            rank = self._waiting[name]
            require(secure, self._parties[rank], self._tls.key_hash)
            link = Link(secure, name)
            nonce = greet(link, self._hello, rank, timeout_s=_HANDSHAKE_S).nonce
            self._report((rank, link, nonce), sock)
        except PartiesDisagree as error:
            sock.close()
            self._report(error, sock)
        except (OSError, LpmError, KeyError, ValueError):
            with contextlib.suppress(OSError):
                sock.close()
        finally:
            self._places.release()

    def _report(self, result: Arrival | PartiesDisagree, sock: socket.socket) -> None:
        with self._lock:
            if self._running:
                self._results.put(result)
            else:
                sock.close()

    def _stop(self) -> None:
        with self._lock:
            self._running = False
        with contextlib.suppress(queue.Empty):
            while True:
                result = self._results.get_nowait()
                if not isinstance(result, PartiesDisagree):
                    result[1].close()
