"""A server speaks TLS 1.3 and nothing below, started from a shell that knows nothing of our settings."""

import os
import subprocess
import sys

import pytest

SERVER = """
import asyncio, pathlib, socket, ssl, sys, tempfile
{first}
from aggregator.wire import server as ours
import grpc
from grpc import aio
from protocols.identity import certificates
from protocols.wire.tls import require_tls13

credentials = certificates.new_authority("x").issue("aggregator-1")
require_tls13()

def speak(port, version):
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "a").write_bytes(credentials.authority)
    (folder / "c").write_bytes(credentials.certificate)
    (folder / "k").write_bytes(credentials.private_key)
    context = ssl.create_default_context(cafile=folder / "a")
    context.load_cert_chain(folder / "c", folder / "k")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with context.wrap_socket(plain, server_hostname="aggregator-1") as secure:
                return secure.version()
    except (ssl.SSLError, ConnectionError):
        return "refused"

async def main():
    server = aio.server()
    pair = [(credentials.private_key, credentials.certificate)]
    tls = grpc.ssl_server_credentials(pair, credentials.authority, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", tls)
    await server.start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        print(await asyncio.to_thread(speak, port, version))
    await server.stop(None)

asyncio.run(main())
"""


def run(first):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GRPC")}
    return subprocess.run(
        [sys.executable, "-c", SERVER.format(first=first)], env=clean, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("first", ["", "import protocols.wire.connect", "import client_sdk"])
def test_a_server_in_a_process_of_its_own_speaks_tls_1_3_only(first):
    assert run(first).stdout.split() == ["refused", "TLSv1.3"]


def test_a_process_in_which_grpc_came_first_is_told_so_and_serves_nothing():
    ended = run("import grpc")
    assert ended.stdout == ""
    assert "ConfigError: grpc was imported before lpm-secure" in ended.stderr
