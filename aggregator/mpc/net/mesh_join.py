"""How the aggregators find each other: a full mesh of checked connections, and a name for the session."""

import hashlib
import os
import socket
import ssl
import time
from typing import Final

from aggregator.mpc.config import Endpoint, MeshConfig
from aggregator.mpc.net.frames import Hello
from aggregator.mpc.net.links import Link
from aggregator.mpc.net.listener import Listener, greet
from aggregator.mpc.net.tls import Tls, require
from protocols.errors import LpmError, Unavailable

_PAUSE_S: Final = 0.05


def listen(party: Endpoint) -> socket.socket:
    """Open the port at which other parties reach this one."""
    family = socket.getaddrinfo(party.host, party.port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((party.host, party.port), family=family, backlog=64)


def connect(tls: Tls, party: Endpoint, *, deadline: float) -> ssl.SSLSocket:
    """Connect to a party and check that it is who it should be; try again until the deadline.

    Raises:
        Unavailable: it could not be reached in time.
        NotEnrolled: somebody else is at that address.
    """
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unavailable(f"{party.name} could not be reached; check that it runs and is at its address")
        raw = None
        try:
            raw = socket.create_connection((party.host, party.port), timeout=left)
            sock = tls.connecting.wrap_socket(raw)
        except OSError:
            if raw is not None:
                raw.close()
            time.sleep(min(_PAUSE_S, max(0.0, left)))
            continue
        try:
            require(sock, party, tls.key_hash)
        except LpmError:
            sock.close()
            raise
        return sock


def join(config: MeshConfig, tls: Tls, port: socket.socket) -> tuple[dict[int, Link], bytes]:
    """Connect with all other aggregators.

    Returns:
        The link to each rank, and the session's name: 32 bytes that all of them made together.
    Raises:
        Unavailable: a party did not come in time.
        PartiesDisagree: a party is in another run.
    """
    deadline = time.monotonic() + config.join_timeout_s
    hello = Hello(config.rank, len(config.parties), config.run, os.urandom(32))
    links: dict[int, Link] = {}
    nonces = {config.rank: hello.nonce}
    try:
        for rank in range(config.rank):
            links[rank], nonces[rank] = _reach(config, tls, hello, rank, deadline)
        for rank, (link, nonce) in Listener(config, tls, hello).admit(port, deadline).items():
            links[rank], nonces[rank] = link, nonce
    except BaseException:
        for link in links.values():
            link.close()
        raise
    session = hashlib.sha256(b"lpm mpc session" + config.run + b"".join(nonces[rank] for rank in sorted(nonces)))
    return links, session.digest()


def _reach(config: MeshConfig, tls: Tls, hello: Hello, rank: int, deadline: float) -> tuple[Link, bytes]:
    """Connect to a party of lower rank; try again while it is still ending another session."""
    party = config.parties[rank]
    while True:
        link = Link(connect(tls, party, deadline=deadline), party.name)
        try:
            return link, greet(link, hello, rank, timeout_s=max(0.001, deadline - time.monotonic())).nonce
        except Unavailable:
            link.close()
            time.sleep(_PAUSE_S)
        except BaseException:
            link.close()
            raise
