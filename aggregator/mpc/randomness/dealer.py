"""The dealer: a third operator that hands the aggregators correlated randomness, and sees no input.

It draws a key per party and session. All parties but the last expand their shares from the key alone; the last asks for
corrections, batch by batch, ahead of the step that uses them.
"""

import contextlib
import os
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from aggregator.mpc.config import DealerConfig
from aggregator.mpc.keystream import KEY_BYTES
from aggregator.mpc.net.frames import HELLO_BYTES, REQUEST_BYTES, Hello, decode_request, encode_answer
from aggregator.mpc.net.links import Link, Transfer, exchange
from aggregator.mpc.net.mesh_join import listen
from aggregator.mpc.net.tls import Tls, names, require
from aggregator.mpc.randomness.correlations import decode
from protocols.errors import LpmError, NotEnrolled, PartiesDisagree

_MAX_SESSIONS: Final = 64
_MAX_CONNECTIONS: Final = 64
_POLL_S: Final = 0.2


@final
@dataclass(slots=True)
class _Session:
    keys: list[bytes] = field(repr=False)
    served: set[int] = field(default_factory=set)


@final
class Dealer:
    """Keys of the running sessions, and one thread per connected party."""

    def __init__(self, config: DealerConfig) -> None:
        """Read the certificates; nothing is served yet."""
        self._config = config
        self._tls = Tls(config.identity)
        self._ranks = {party.name: rank for rank, party in enumerate(config.parties)}
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_MAX_CONNECTIONS)

    def serve(self, listener: socket.socket, stop: threading.Event) -> None:
        """Take parties until told to stop."""
        listener.settimeout(_POLL_S)
        while not stop.is_set():
            try:
                raw, _ = listener.accept()
            except TimeoutError:
                continue
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._serve_one, args=(raw,), daemon=True).start()
            else:
                raw.close()

    def _serve_one(self, raw: socket.socket) -> None:
        sock: socket.socket = raw
        try:
            raw.settimeout(self._config.timeout_s)
            sock = secure = self._tls.accepting.wrap_socket(raw, server_side=True)
            rank, link = self._identify(secure)
            keys = self._introduce(link, rank)
            while rank == len(keys) - 1:
                self._deal(link, keys)
        except (OSError, LpmError):
            pass  # the party sees the connection close, and joins again
        finally:
            self._places.release()
            with contextlib.suppress(OSError):
                sock.close()

    def _identify(self, sock: ssl.SSLSocket) -> tuple[int, Link]:
        """Check who calls, and that it is not this machine in disguise."""
        found = names(sock)
        name = next(iter(found), "")
        if len(found) != 1 or name not in self._ranks:
            raise NotEnrolled("a caller's certificate names no aggregator of this run")
        require(sock, self._config.parties[self._ranks[name]], self._tls.key_hash)
        if sock.getpeername()[0] == sock.getsockname()[0] and not self._config.testbed:
            raise NotEnrolled(f"{name} calls from the dealer's own host; only a testbed may do that")
        return self._ranks[name], Link(sock, name)

    def _introduce(self, link: Link, rank: int) -> list[bytes]:
        """Give a party its key, once per session; return all keys."""
        k = len(self._ranks)
        greeting = bytearray(HELLO_BYTES)
        exchange([Transfer(link, [], [greeting])], timeout_s=self._config.timeout_s)
        hello = Hello.decode(bytes(greeting))
        hello.require(rank=rank, k=k, run=self._config.run)
        with self._lock:
            session = self._sessions.get(hello.nonce)
            if session is None:
                session = _Session([os.urandom(KEY_BYTES) for _ in range(k)])
                self._sessions[hello.nonce] = session
            if rank in session.served:
                raise PartiesDisagree("a party asked for its key of a session a second time")
            session.served.add(rank)
            if len(session.served) == k or len(self._sessions) > _MAX_SESSIONS:
                self._sessions.pop(hello.nonce if len(session.served) == k else next(iter(self._sessions)))
        exchange([Transfer(link, [session.keys[rank]], [])], timeout_s=self._config.timeout_s)
        return session.keys

    def _deal(self, link: Link, keys: list[bytes]) -> None:
        """Answer one request; the wait for it is as long as the pause between two steps."""
        request = bytearray(REQUEST_BYTES)
        exchange([Transfer(link, [], [request])], timeout_s=None)
        index, spec = decode_request(bytes(request))
        words = decode(spec).deal(keys, index)
        exchange([Transfer(link, [encode_answer(index, len(words)), words.data], [])], timeout_s=self._config.timeout_s)


def serve_dealer(
    config: DealerConfig, *, stop: threading.Event | None = None, ready: Callable[[], None] | None = None
) -> None:
    """Run the dealer until `stop` is set (for ever without it).

    Raises:
        ConfigError: its certificate files cannot be used, or it shares an aggregator's host outside a testbed.
    Security:
        The dealer sees no input and no share. With one aggregator's help it could read everything: its operator must be
        another one, which is why it refuses an aggregator's host and key.
    """
    dealer = Dealer(config)
    with listen(config.me) as listener:
        if ready is not None:
            ready()
        dealer.serve(listener, stop or threading.Event())
