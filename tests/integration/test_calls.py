"""Single calls to a real aggregator over TLS: what it refuses, and how."""

import asyncio
import datetime
import socket
import ssl
import urllib.request

import grpc
import numpy as np
import pytest
from grpc import aio

from lpm_secure.engine.device import Processor
from lpm_secure.monitor.operator_view import OperatorView
from lpm_secure.run.processes import run_private
from lpm_secure.testbed.deployment import free_addresses
from protocols.errors import (
    ConflictingReplay,
    ManifestMismatch,
    NotEnrolled,
    NotJoined,
    ProtocolError,
    RoundAhead,
    Unavailable,
    WireError,
    WrongLength,
)
from protocols.identity import certificates
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.wire.connect import connect
from protocols.wire.messages import Announcement, Join, MembersQuery, Share
from protocols.wire.methods import SERVICE

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def served(serve):
    """Return a deployment of which only the aggregators run, for calls that change nothing there but who has joined."""
    return serve(round_timeout_s=1.0, join_timeout_s=1.0)


def calls(deployment, requests, *, party="a", credentials=None, aggregator=1, timeout_s=10.0):
    """Send requests to one aggregator as one party, one after the other, and return replies or raise."""

    async def send():
        transports = connect(deployment.testbed.manifest, credentials or certificates.read(deployment.party(party)))
        try:
            return [await transports[aggregator].call(request, timeout_s=timeout_s) for request in requests]
        finally:
            for transport in transports:
                await transport.close()

    return asyncio.run(send())


def run_id(deployment):
    return manifests.run_id(deployment.testbed.manifest)


def vector(deployment, fill=0):
    return np.full(Layout.of(deployment.testbed.manifest).d, fill, dtype=np.uint64)


def share(deployment, step, words):
    return Share(run_id(deployment), step, words, start=bytes(16))


def test_a_call_of_another_run_is_refused(served, client):
    with pytest.raises(ManifestMismatch, match="belongs to another run"):
        calls(served, [Join(bytes(32), b"")], party=client)


def test_a_share_of_a_wrong_length_is_refused(served, client):
    with pytest.raises(WrongLength, match="got a share of 3 words"):
        calls(served, [Join(run_id(served), b""), share(served, 0, np.zeros(3, dtype=np.uint64))], party=client)


def test_an_oversized_call_is_refused_before_it_is_read(served, client):
    huge = np.zeros(2**20, dtype=np.uint64)
    with pytest.raises(ProtocolError, match="RESOURCE_EXHAUSTED"):
        calls(served, [Join(run_id(served), b""), share(served, 0, huge)], party=client)


def test_a_share_before_the_join_is_refused(served, client):
    with pytest.raises(NotJoined):
        calls(served, [share(served, 0, vector(served))], party=client)


def test_a_step_ahead_is_refused(served, client):
    with pytest.raises(RoundAhead, match="step 0 comes next"):
        calls(served, [Join(run_id(served), b""), share(served, 3, vector(served))], party=client)


def test_another_body_for_the_same_step_is_refused_and_the_same_is_not(deploy):
    served = deploy(round_timeout_s=1.0, join_timeout_s=1.0)
    for party in served.testbed.manifest.aggregators:
        served.start_party(party.name)
    once, other = (share(served, 0, vector(served, fill)) for fill in (1, 2))

    async def scenario():
        transports = connect(served.testbed.manifest, certificates.read(served.party("a")))
        call = transports[1].call
        await call(Join(run_id(served), b""), timeout_s=10.0)
        first = asyncio.ensure_future(call(once, timeout_s=3.0))
        again = asyncio.ensure_future(call(once, timeout_s=3.0))
        await asyncio.sleep(0.3)
        with pytest.raises(ConflictingReplay):
            await call(other, timeout_s=3.0)
        results = await asyncio.gather(first, again, return_exceptions=True)
        for transport in transports:
            await transport.close()
        return [type(result) for result in results]

    # Nobody else takes part, so neither call closes the round; both were taken for the same share.
    kinds = asyncio.run(scenario())
    assert kinds[0] == kinds[1]
    assert kinds[0] is not ConflictingReplay


@pytest.mark.parametrize(
    "request_of", [lambda run: Announcement(run, 0, np.zeros(3, dtype=np.int64)), lambda run: MembersQuery(run, 0)]
)
def test_a_client_cannot_speak_for_engine_or_aggregator(served, client, request_of):
    with pytest.raises(NotEnrolled):
        calls(served, [request_of(run_id(served))], party=client)


def test_the_engine_cannot_join_as_a_client(served):
    with pytest.raises(NotEnrolled, match="lists no client engine"):
        calls(served, [Join(run_id(served), b"")], party="engine")


def test_a_certificate_of_another_authority_is_refused(served, client):
    calls(served, [Join(run_id(served), b"")], party=client)  # the server is up
    own = certificates.read(served.party(client))
    strange = certificates.new_authority("stranger").issue(client)
    mixed = certificates.Credentials(own.authority, strange.certificate, strange.private_key)
    with pytest.raises(Unavailable):
        calls(served, [Join(run_id(served), b"")], credentials=mixed, timeout_s=3.0, party=client)


def test_a_party_refuses_an_aggregator_of_another_authority(served, client):
    calls(served, [Join(run_id(served), b"")], party=client)  # the server is up
    stranger = certificates.new_authority("stranger").issue(client)
    with pytest.raises(Unavailable):
        calls(served, [Join(run_id(served), b"")], credentials=stranger, timeout_s=3.0, party=client)


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_a_proxy_in_the_environment_does_not_stand_before_this_machines_own_servers(
    served, client, monkeypatch, variable
):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.delenv("no_proxy", raising=False)
    assert calls(served, [Join(run_id(served), b"")], timeout_s=5.0, party=client)[0].step == 0


def test_an_expired_certificate_is_refused(served, client):
    authority = served.keys.authority
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=10)
    valid, expired = authority.issue(client), authority.issue(client, days=5, now=past)
    assert calls(served, [Join(run_id(served), b"")], party=client, credentials=valid)[0].step == 0
    with pytest.raises(Unavailable):
        calls(served, [Join(run_id(served), b"")], credentials=expired, timeout_s=3.0, party=client)


def test_bytes_that_are_no_message_are_refused(served, client):
    async def send():
        own = certificates.read(served.party(client))
        tls = grpc.ssl_channel_credentials(own.authority, own.private_key, own.certificate)
        options = [("grpc.ssl_target_name_override", "aggregator-1")]
        async with aio.secure_channel(served.testbed.manifest.aggregators[1].address, tls, options) as channel:
            await channel.unary_unary(f"/{SERVICE}/Join")(b"\xff\xff\xff", wait_for_ready=True, timeout=10.0)

    with pytest.raises(aio.AioRpcError) as caught:
        asyncio.run(send())
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert dict(caught.value.trailing_metadata())["lpm-code"] == WireError.code


@pytest.mark.parametrize(("version", "works"), [(ssl.TLSVersion.TLSv1_2, False), (ssl.TLSVersion.TLSv1_3, True)])
def test_only_tls_1_3_is_spoken(served, client, version, works):
    calls(served, [Join(run_id(served), b"")], party=client)  # the server is up
    folder = served.party(client)
    context = ssl.create_default_context(cafile=folder / "authority.pem")
    context.load_cert_chain(folder / "certificate.pem", folder / "private.key")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    host, port = served.testbed.manifest.aggregators[1].address.split(":")
    with socket.create_connection((host, int(port)), timeout=5.0) as plain:
        if works:
            with context.wrap_socket(plain, server_hostname="aggregator-1") as secure:
                assert secure.version() == "TLSv1.3"
        else:
            with (
                pytest.raises((ssl.SSLError, ConnectionError)),
                context.wrap_socket(plain, server_hostname="aggregator-1") as secure,
            ):
                pytest.fail(f"{secure.version()} is spoken")


def test_health_is_told_to_those_with_a_certificate(served, client):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    async def ask():
        own = certificates.read(served.party(client))
        tls = grpc.ssl_channel_credentials(own.authority, own.private_key, own.certificate)
        options = [("grpc.ssl_target_name_override", "aggregator-1")]
        async with aio.secure_channel(served.testbed.manifest.aggregators[1].address, tls, options) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE), wait_for_ready=True, timeout=10.0)

    assert asyncio.run(ask()).status == health_pb2.HealthCheckResponse.SERVING


def test_metrics_are_served_on_loopback_and_hold_no_name_of_a_client(deploy):
    deployment = deploy()
    address = free_addresses(1)[0]
    config = deployment.party("aggregator-1") / "config.toml"
    config.write_text(config.read_text().replace("metrics_port = 0", f"metrics_port = {address.split(':')[1]}"))
    for party in deployment.testbed.manifest.aggregators:
        deployment.start_party(party.name)
    calls(deployment, [Join(run_id(deployment), b"")])
    with pytest.raises(NotJoined):
        calls(deployment, [share(deployment, 0, vector(deployment))], party="b")
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5.0) as page:
        text = page.read().decode()
    assert 'lpm_calls_total{method="Sealed"} 1.0' in text
    assert 'lpm_refused_total{code="not-joined",method="Sealed"} 1.0' in text
    assert "client" not in text


@pytest.mark.slow
def test_an_operators_page_has_the_seconds_of_comparisons_and_no_value(deploy):
    deployment = deploy(mode="outcome")
    config = deployment.party("aggregator-0") / "config.toml"
    port = free_addresses(1)[0].split(":")[1]
    config.write_text(config.read_text().replace("metrics_port = 0", f"metrics_port = {port}"))
    view, told = OperatorView(config.parent), []
    run_private(deployment, Processor(), lambda step, release: told.append(view.status()["metrics"]))
    steps = deployment.manifest.steps
    times = {row["name"]: row for row in told[-1]["computations"]}
    assert {name: row["count"] for name, row in times.items()} == {"THRESHOLDS": 1, "SPEAK": steps + 1, "DECIDE": steps}
    assert all(row["mean_s"] > 0 for row in times.values())
