"""Between a fit and the server app that plays its rounds: bytes over a socket of this machine, and no pickles."""

import contextlib
import os
import queue
import threading
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Final, final

import msgspec
import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.errors import Unavailable
from protocols.identity.signing import read_private, write_private

SOCKET: Final = "bridge.sock"
KEY: Final = "bridge.key"
KEY_BYTES: Final = 32
MAX_BYTES: Final = 2**28


@final
class RoundRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be announced: float64, little-endian, in this shape; in a round, counted from 1, to these clients."""

    server_round: int
    shape: tuple[int, ...]
    words: bytes
    institutions: tuple[str, ...]


@final
class RoundReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a round came to; see `strategy.RelayedSum`. Or why it could not be played."""

    total: bytes = b""
    members: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unopened: tuple[str, ...] = ()
    failure: str = ""

    @property
    def sum(self) -> I64:
        """Return int64[d]."""
        return np.frombuffer(self.total, dtype="<i8").astype(np.int64)


@final
@dataclass(slots=True)
class Bridge:
    """The fit's end.

    Security: a socket of the file system, and a key of mode 0600; whoever has both announces, and gets sums.
    """

    folder: Path
    _listener: Listener = field(init=False, repr=False)
    _accepted: "queue.Queue[Connection]" = field(init=False, repr=False, default_factory=queue.Queue)
    _connection: Connection | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Listen."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = os.urandom(KEY_BYTES)
        write_private(self.folder / KEY, key)
        self._listener = Listener(str(self.folder / SOCKET), family="AF_UNIX", authkey=key)
        threading.Thread(target=self._accept, daemon=True).start()

    def ask(self, request: RoundRequest, *, timeout_s: float) -> RoundReport:
        """Have a round played.

        Raises:
            Unavailable: the server app has not connected, or does not answer in time.
        """
        if self._connection is None:
            try:
                self._connection = self._accepted.get(timeout=timeout_s)
            except queue.Empty:
                raise Unavailable(f"no server app has begun within {timeout_s:g} s; see Flower's logs") from None
        self._connection.send_bytes(msgspec.msgpack.encode(request))
        if not self._connection.poll(timeout_s):
            raise Unavailable(f"the server app has not answered within {timeout_s:g} s")
        try:
            return msgspec.msgpack.decode(self._connection.recv_bytes(MAX_BYTES), type=RoundReport)
        except (EOFError, OSError, msgspec.MsgspecError) as error:
            raise Unavailable(f"the server app has ended: {type(error).__name__}; see its log") from None

    def _accept(self) -> None:
        """Wait for the one server app; a listener that is closed meanwhile ends the wait."""
        with contextlib.suppress(OSError, AuthenticationError, EOFError):
            self._accepted.put(self._listener.accept())

    def close(self) -> None:
        """Let the server app end."""
        if self._connection is not None:
            self._connection.close()
        self._listener.close()
        (self.folder / KEY).unlink(missing_ok=True)


def connect(folder: Path) -> Connection:
    """Return the server app's end."""
    return Client(str(folder / SOCKET), family="AF_UNIX", authkey=read_private(folder / KEY))


def next_request(connection: Connection) -> RoundRequest | None:
    """Return what is to be announced next; None when the fit is over."""
    try:
        return msgspec.msgpack.decode(connection.recv_bytes(MAX_BYTES), type=RoundRequest)
    except (EOFError, OSError):
        return None


def send(connection: Connection, report: RoundReport) -> None:
    """Tell the fit what a round came to."""
    connection.send_bytes(msgspec.msgpack.encode(report))
