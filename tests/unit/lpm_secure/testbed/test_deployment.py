"""Parties' addresses."""

import contextlib
import socket
import sys

import pytest

from lpm_secure.testbed.deployment import free_addresses


def test_an_address_is_free_for_a_server_that_asks_for_it():
    for address in free_addresses(3):
        host, port = address.split(":")
        with socket.create_server((host, int(port))) as server:
            assert server.getsockname() == (host, int(port))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a port for a socket that does not listen")
def test_a_free_address_is_given_to_nobody_else():
    ours = {int(address.split(":")[1]) for address in free_addresses(200)}
    assert len(ours) == 200
    with contextlib.ExitStack() as others:
        theirs = [others.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(500)]
        assert not ours & {each.getsockname()[1] for each in theirs}
