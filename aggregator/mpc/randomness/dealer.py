"""The dealer: a third operator that hands the aggregators correlated randomness, and sees no input.

It draws a key per party and session. All parties but the last expand their shares from the key alone; the last asks for
corrections, batch by batch, ahead of the step that uses them.
"""

import contextlib
import os
import socket
import ssl
import threading
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
from protocols.errors import ConfigError, LpmError, NotEnrolled, PartiesDisagree, TooManyCalls

_MAX_SESSIONS: Final = 64  # of one run: what is forgotten, parties of that run alone began
_MAX_CONNECTIONS: Final = 64  # of one run, and as many of callers that have not shown yet of which they are
_GREETING_S: Final = 5.0  # for a caller's handshake, and for its first words, of which run it is
_POLL_S: Final = 0.2
Idle = Callable[["Dealer"], None]


@final
@dataclass(slots=True)
class _Session:
    keys: list[bytes] = field(repr=False)
    served: set[int] = field(default_factory=set)


@final
class Dealer:
    """Keys of the running sessions of its runs, and one thread per connected party."""

    def __init__(self, config: DealerConfig) -> None:
        """Read the certificates; nothing is served yet."""
        self._me, self._testbed = config.me, config.testbed
        self._tls = Tls(config.identity)
        self._runs: dict[bytes, DealerConfig] = {}
        self._places_of: dict[bytes, threading.BoundedSemaphore] = {}
        self._sessions: dict[bytes, _Session] = {}
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self.add(config)

    def require_place(self, config: DealerConfig) -> None:
        """Refuse a run whose parties look for their dealer elsewhere.

        Raises:
            ConfigError: they do.
        """
        if config.me != self._me:
            raise ConfigError(
                f"the run has its dealer at {config.me.host}:{config.me.port}, and this one is reached at "
                f"{self._me.host}:{self._me.port}: name that in the project, or start another dealer"
            )

    def add(self, config: DealerConfig) -> None:
        """Deal for one more run, at the same place."""
        with self._lock:
            self._places_of.setdefault(config.run, threading.BoundedSemaphore(_MAX_CONNECTIONS))
            self._runs = {**self._runs, config.run: config}

    def serve(self, listener: socket.socket, stop: threading.Event, idle: Idle) -> None:
        """Take parties until told to stop; `idle` is called while none comes."""
        listener.settimeout(_POLL_S)
        while not stop.is_set():
            idle(self)
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
        place = self._places
        try:
            raw.settimeout(_GREETING_S)
            sock = secure = self._tls.accepting.wrap_socket(raw, server_side=True)
            link = self._identify(secure)
            hello, config = self._greet(link)
            rank = [party.name for party in config.parties].index(link.name)
            require(secure, config.parties[rank], self._tls.key_hash)
            place = self._take_place(config)
            keys = self._introduce(link, rank, hello, config)
            while rank == len(keys) - 1:
                self._deal(link, keys, config.timeout_s)
        except (OSError, LpmError):
            pass  # the party sees the connection close, and joins again
        finally:
            place.release()
            with contextlib.suppress(OSError):
                sock.close()

    def _identify(self, sock: ssl.SSLSocket) -> Link:
        """Check that an aggregator calls, and that it is not this machine in disguise."""
        found = names(sock)
        name = next(iter(found), "")
        if len(found) != 1 or all(name != party.name for each in self._runs.values() for party in each.parties):
            raise NotEnrolled("a caller's certificate names no aggregator of this dealer's runs")
        if sock.getpeername()[0] == sock.getsockname()[0] and not self._testbed:
            raise NotEnrolled(f"{name} calls from the dealer's own host; only a testbed may do that")
        return Link(sock, name)

    def _greet(self, link: Link) -> tuple[Hello, DealerConfig]:
        """Return a caller's first words, and the run that they are of, in which it takes part."""
        greeting = bytearray(HELLO_BYTES)
        exchange([Transfer(link, [], [greeting])], timeout_s=_GREETING_S)
        hello = Hello.decode(bytes(greeting))
        config = self._runs.get(hello.run)
        if config is None or all(link.name != party.name for party in config.parties):
            raise PartiesDisagree(f"{link.name} is in another run than those that this dealer serves")
        return hello, config

    def _take_place(self, config: DealerConfig) -> threading.BoundedSemaphore:
        """Give a caller a place of its run, in place of one of those that all share: others' runs keep theirs.

        Raises:
            TooManyCalls: its run has no more.
        """
        place = self._places_of[config.run]
        if not place.acquire(blocking=False):
            raise TooManyCalls(f"parties of one run have {_MAX_CONNECTIONS} connections to their dealer; close some")
        self._places.release()
        return place

    def _introduce(self, link: Link, rank: int, hello: Hello, config: DealerConfig) -> list[bytes]:
        """Give a party its key, once per session; return all keys."""
        k, name = len(config.parties), hello.run + hello.nonce
        hello.require(rank=rank, k=k, run=config.run)
        with self._lock:
            session = self._sessions.get(name)
            if session is None:
                session = _Session([os.urandom(KEY_BYTES) for _ in range(k)])
                self._sessions[name] = session
            if rank in session.served:
                raise PartiesDisagree("a party asked for its key of a session a second time")
            session.served.add(rank)
            same = [each for each in self._sessions if each.startswith(hello.run)]
            if len(session.served) == k or len(same) > _MAX_SESSIONS:
                self._sessions.pop(name if len(session.served) == k else same[0])
        exchange([Transfer(link, [session.keys[rank]], [])], timeout_s=config.timeout_s)
        return session.keys

    @staticmethod
    def _deal(link: Link, keys: list[bytes], timeout_s: float) -> None:
        """Answer one request; the wait for it is as long as the pause between two steps."""
        request = bytearray(REQUEST_BYTES)
        exchange([Transfer(link, [], [request])], timeout_s=None)
        index, spec = decode_request(bytes(request))
        words = decode(spec).deal(keys, index)
        exchange([Transfer(link, [encode_answer(index, len(words)), words.data], [])], timeout_s=timeout_s)


def serve_dealer(
    config: DealerConfig,
    *,
    stop: threading.Event | None = None,
    ready: Callable[[], None] | None = None,
    idle: Idle = lambda _: None,
) -> None:
    """Run the dealer until `stop` is set (for ever without it); `idle` may add runs while nobody comes.

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
        dealer.serve(listener, stop or threading.Event(), idle)
