"""What may be wrong with a machine or its way to others, each said with what to do."""

import datetime
import shutil
import socket

import msgspec
import pytest

from protocols.kit import checks
from protocols.kit.kit import Kit
from tests.examined_kits import examined, replace_certificate


def test_a_full_disk_is_said(kit, monkeypatch):
    own = kit("st-anne")
    usage = shutil.disk_usage(own.folder)
    monkeypatch.setattr(checks, "LEAST_FREE", usage.total + 1)
    assert "MiB of disk space left; make room for" in examined(own)[0]


def test_a_port_that_is_taken_is_said(kit):
    own = kit("agg-a")
    host, port = own.file.listen[0].split(":")
    with socket.create_server((host, int(port))):
        assert f"cannot serve on {host}:{port} (Address already in use)" in examined(own)[0]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("agg-a.invalid:8443", "agg-a.invalid is not known to this machine; correct the name"),
        ("192.0.2.1:8443", "(Cannot assign requested address); a server needs an address and a port of this machine"),
    ],
)
def test_an_address_that_is_not_this_machines_is_said_with_what_to_do(kit, address, said):
    own = kit("agg-a")
    own = Kit(own.folder, msgspec.structs.replace(own.file, listen=(address,)))
    (line,) = checks.ports(own)
    assert line.startswith(f"cannot serve on {address}")
    assert said in line
    assert "free the port" not in line


ELSEWHERE = {"agg-a": "agg-a.example:8443", "agg-b": "127.0.0.1:1"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"https_proxy": "http://proxy:1"},
            "calls to agg-a would go through it; add agg-a.example to",
        ),
        ({"http_proxy": "x", "grpc_proxy": "y"}, "grpc_proxy is set"),
        ({"http_proxy": "x", "no_proxy": "localhost, .example"}, None),
        ({"http_proxy": "x", "no_grpc_proxy": "agg-a.example"}, None),
        ({"HTTP_PROXY": "x", "http_proxy": ""}, None),
    ],
)
def test_a_proxy_between_a_party_and_others_is_said(environment, said):
    lines = list(checks.proxies(ELSEWHERE, environment))
    assert bool(lines) == (said is not None)
    assert said is None or said in lines[0]


@pytest.mark.parametrize(
    ("days", "said"),
    [(3.0, "ahead: the certificate expires in 2 days"), (60.0, "and the run may go on until"), (200.0, None)],
)
def test_a_certificate_that_will_not_last_is_said_ahead_and_stops_nobody(kit, days, said):
    own = kit("st-anne")
    replace_certificate(own, days=days)
    heard = list(checks.expiry(own, datetime.datetime.now(datetime.UTC)))
    assert [said in line for line in heard] == ([True] if said else [])
