"""Connections between parties: everything at once in both directions, and never longer than the deadline."""

import contextlib
import enum
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, final

from protocols.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_SLICE: Final = 1 << 18
_GRACE_S: Final = 2.0
TRAFFIC: Final[Counter[tuple[str, str]]] = Counter()  # bytes of this process, by the other side's name, before TLS
_NOT_NOW: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


class Socket(Protocol):
    """What a link needs of a socket: a TLS one, or one end of a pair within a process."""

    def fileno(self) -> int:
        """Return what a selector waits for."""
        ...

    def send(self, data: memoryview, /) -> int:
        """Send some bytes; return how many."""
        ...

    def recv_into(self, buffer: memoryview, /) -> int:
        """Receive some bytes; return how many, 0 at the end."""
        ...

    def setblocking(self, flag: bool, /) -> None:
        """Wait, or raise where it would have to."""

    def close(self) -> None:
        """Close the connection."""


class LinkState(enum.Enum):
    """What can be told of a connection without reading from it."""

    QUIET = enum.auto()
    PENDING = enum.auto()
    CLOSED = enum.auto()


@final
class Link:
    """A connection to one party."""

    __slots__ = ("name", "sock")

    def __init__(self, sock: Socket, name: str) -> None:
        """Take over a connection whose other side has been checked."""
        sock.setblocking(False)
        if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.sock, self.name = sock, name

    def state(self) -> LinkState:
        """Look below TLS, taking nothing away: has the other side sent something, or closed the connection?"""
        if not isinstance(self.sock, socket.socket):
            return LinkState.QUIET
        try:
            return LinkState.PENDING if socket.socket.recv(self.sock, 1, socket.MSG_PEEK) else LinkState.CLOSED
        except BlockingIOError:
            return LinkState.QUIET
        except OSError:
            return LinkState.CLOSED

    def close(self) -> None:
        """Close the connection; the other side notices at once."""
        self.sock.close()

    def retire(self) -> None:
        """Send no more, and close a little later: a party that comes late then still finds what had been sent.

        It learns from it that the operation has failed, where from a connection that is reset it would learn only that
        a new session is due, and wait for parties that have given up.
        """
        if isinstance(self.sock, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_WR)
        timer = threading.Timer(_GRACE_S, self.sock.close)
        timer.daemon = True
        timer.start()


@final
class Transfer:
    """What goes out over one link and what comes in, with a check after the first part that came in."""

    __slots__ = ("_check", "_in", "_out", "link")

    def __init__(
        self, link: Link, out: "Iterable[Buffer]", into: "Iterable[Buffer]", check: Callable[[], None] | None = None
    ) -> None:
        """Name the buffers; `check` raises if what the first of `into` then holds is not acceptable."""
        self.link = link
        self._out = [part for part in map(_bytes, out) if part]
        self._in = [part for part in map(_bytes, into) if part]
        self._check = check

    @property
    def done(self) -> bool:
        """Whether everything went out and came in."""
        return not self._out and not self._in

    def advance(self) -> int:
        """Send and receive what goes without waiting; return the selector events to wait for."""
        wanted = 0
        while self._out:
            try:
                sent = self.link.sock.send(self._out[0][:_SLICE])
            except _NOT_NOW as err:
                wanted |= selectors.EVENT_READ if isinstance(err, ssl.SSLWantReadError) else selectors.EVENT_WRITE
                break
            TRAFFIC[self.link.name, "sent"] += sent
            _drop(self._out, sent)
        while self._in:
            try:
                got = self.link.sock.recv_into(self._in[0][:_SLICE])
            except _NOT_NOW as err:
                wanted |= selectors.EVENT_WRITE if isinstance(err, ssl.SSLWantWriteError) else selectors.EVENT_READ
                break
            if got == 0:
                raise Unavailable(f"{self.link.name} closed the connection; the step can be done again")
            TRAFFIC[self.link.name, "received"] += got
            if _drop(self._in, got) and self._check is not None:
                check, self._check = self._check, None
                check()
        return wanted


def exchange(transfers: Sequence[Transfer], *, timeout_s: float | None) -> None:
    """Carry out transfers over different links, all at once.

    Args:
        transfers: at most one per link.
        timeout_s: for all of them together; None waits for as long as it takes.
    Raises:
        Unavailable: a party closed its connection, or did not answer in time.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    try:
        with selectors.DefaultSelector() as selector:
            pending = list(transfers)
            while pending := [transfer for transfer in pending if _advance(transfer, selector)]:
                left = None if deadline is None else deadline - time.monotonic()
                if (left is not None and left <= 0) or not selector.select(left):
                    late = ", ".join(transfer.link.name for transfer in pending)
                    raise Unavailable(f"{late} did not answer within {timeout_s:g} s; the step can be done again")
    except OSError as err:
        raise Unavailable(f"a connection failed ({type(err).__name__}); the step can be done again") from err


def _advance(transfer: Transfer, selector: selectors.BaseSelector) -> bool:
    wanted = transfer.advance()
    key = selector.get_map().get(transfer.link.sock)
    if transfer.done:
        if key is not None:
            selector.unregister(transfer.link.sock)
        return False
    if key is None:
        selector.register(transfer.link.sock, wanted)
    elif key.events != wanted:
        selector.modify(transfer.link.sock, wanted)
    return True


def _bytes(part: "Buffer") -> memoryview:
    view = memoryview(part)
    return view.cast("B") if view.nbytes else memoryview(b"")


def _drop(parts: list[memoryview], n_bytes: int) -> bool:
    """Drop what is done from the first part; return whether it is complete."""
    if n_bytes < len(parts[0]):
        parts[0] = parts[0][n_bytes:]
        return False
    del parts[0]
    return True
