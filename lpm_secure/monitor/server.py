"""The server of the pages: on this machine alone, with a token, unless asked otherwise."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import uvicorn

from lpm_secure.monitor.access import AccessGate, new_token
from lpm_secure.monitor.application import SCRIPT_PATH, application_of
from lpm_secure.monitor.operator_view import OperatorView
from protocols.errors import ParameterError

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
GRACE_S: Final = 1
OPEN: Final = "others on the network may read what goes over it, the token too; rather forward the port by ssh"


def serve(
    root: Path,
    *,
    operators: Sequence[Path] = (),
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    say: Callable[[str], None],
) -> None:
    """Serve the runs of a folder until told to stop.

    Args:
        root: folder of runs, or of one run; one that the first run will make is empty until then.
        operators: folders from which aggregators of this machine are started, each of which gets a page.
        host: address to listen on.
        port: to listen on; 0 for any that is free.
        token: that the first address has; drawn unless given.
        say: is given the address, and what a user should know.

    Raises:
        ParameterError: there is no such folder, a folder is no aggregator's, or the address cannot be bound.
    """
    if root.exists() != root.is_dir() or not root.resolve().parent.is_dir():
        raise ParameterError(f"{root} is no folder; give the one that runs are in, such as runs")
    views = [OperatorView(folder) for folder in operators]
    names = {view.name: view for view in views}
    if len(names) < len(views):
        raise ParameterError(f"got two aggregators named {views[-1].name}; serve each from a server of its own")
    own = new_token() if token is None else token
    with _bound(host, port) as listening:
        port = listening.getsockname()[1]
        hosts = frozenset(f"{name}:{port}" for name in {_written(host), *LOOPBACK})
        gate = AccessGate(
            application_of(root, names), own, hosts, cookie=f"lpm-{port}", open_paths=frozenset({SCRIPT_PATH})
        )
        if not _is_loopback(host):
            say(OPEN)
        say(f"http://{_written(host)}:{port}/?token={own}")
        settings = uvicorn.Config(
            gate, lifespan="off", access_log=False, log_level="error", server_header=False, proxy_headers=False,
            ws="none", timeout_graceful_shutdown=GRACE_S,
        )  # fmt: skip
        uvicorn.Server(settings).run(sockets=[listening])


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # whoever reads the address may come at once
    except OSError as error:
        listening.close()
        raise ParameterError(
            f"cannot listen on {host}, port {port} ({error.strerror}); give another --port, or 0 for any that is free"
        ) from error
    return listening


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
