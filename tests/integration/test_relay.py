"""Clients that reach one aggregator, and clients that are shut out, over real processes and TLS."""

import asyncio
import dataclasses

import numpy as np
import pytest
import torch

from lpm_secure.run.processes import run_clear, run_private
from protocols.errors import NotEnrolled, NotSealed, ParameterError, Revoked, RoundAhead, TooManyCalls
from protocols.identity import certificates
from protocols.sealing.messages import SealedRequest
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.wire.connect import connect
from protocols.wire.messages import Join, MembersQuery, Share

CPU = torch.device("cpu")


def run_id(deployment):
    return manifests.run_id(deployment.testbed.manifest)


def with_lines(deployment, party, *lines):
    """Write further lines into a party's configuration."""
    path = deployment.party(party) / "config.toml"
    path.write_text("\n".join([*lines, path.read_text()]))


def start_aggregators(deployment):
    for party in deployment.testbed.manifest.aggregators:
        deployment.start_party(party.name)


def send(deployment, requests, *, credentials=None, party="a", aggregator=1, relay=None, unsealed=False):
    """Send requests to one aggregator, one after the other; unsealed, as a version that does not seal would."""

    async def body():
        given = credentials or certificates.read(deployment.party(party))
        ways = connect(deployment.testbed.manifest, given, relay=relay)
        way = ways[aggregator]._inner if unsealed else ways[aggregator]
        try:
            return [await way.call(request, timeout_s=10.0) for request in requests]
        finally:
            for each in ways:
                await each.close()

    return asyncio.run(body())


@pytest.fixture(scope="module")
def served(serve):
    """Return a deployment of which only the aggregators run, for calls that change nothing there but who has joined."""
    return serve(round_timeout_s=1.0, join_timeout_s=1.0)


def test_clients_that_reach_one_aggregator_take_part_through_it(deploy):
    deployment = deploy()
    for name, relay in (("a", "aggregator-0"), ("b", "aggregator-1")):
        with_lines(deployment, name, f'relay = "{relay}"')
    private = run_private(deployment, CPU)
    assert private.series.hash == run_clear(deployment.testbed, CPU).series.hash
    assert private.lost == ()
    assert all(client["missed_steps"] == [] for client in private.clients.values())


def test_a_client_with_a_relay_has_one_address(deploy):
    deployment = deploy()
    manifest = deployment.testbed.manifest
    own = certificates.read(deployment.party("a"))
    ways = connect(manifest, own, relay="aggregator-1")
    assert {way._inner._address for way in ways} == {manifest.aggregators[1].address}
    with pytest.raises(ParameterError, match="no aggregator dealer to relay; it has aggregator-0, aggregator-1"):
        connect(manifest, own, relay="dealer")


def test_a_manifest_without_keys_is_used_by_no_process(deploy, manifest_of):
    deployment = deploy()
    with pytest.raises(ParameterError, match="pins no keys"):
        connect(manifest_of(), certificates.read(deployment.party("a")))


def test_an_oversized_call_is_not_passed_on(served, client):
    run = run_id(served)
    huge = SealedRequest(run, "aggregator-1", client, None, 0, bytes(2**23))
    send(served, [Join(run, b"")], relay="aggregator-0", party=client)
    with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
        send(served, [huge], relay="aggregator-0", unsealed=True, party=client)
    wild = dataclasses.replace(huge, body=bytes(100))
    with pytest.raises(NotSealed, match="aggregator-0: aggregator-1: a sealed call does not open"):
        send(served, [wild], relay="aggregator-0", unsealed=True, party=client)


def test_a_client_that_does_not_seal_is_refused(served, client):
    for request in (Join(run_id(served), b""), Share(run_id(served), 0, np.zeros(0, dtype=np.uint64), start=bytes(16))):
        with pytest.raises(NotSealed, match="came open"):
            send(served, [request], unsealed=True, party=client)


def test_an_aggregator_is_known_by_its_pinned_key_and_not_by_its_name(served, client):
    fake = served.keys.authority.issue("aggregator-0")
    query = MembersQuery(run_id(served), 99)
    with pytest.raises(NotEnrolled, match="not the one that the manifest pins"):
        send(served, [query], credentials=fake, party=client)
    own = served.keys.credentials["aggregator-0"]
    with pytest.raises(RoundAhead):
        send(served, [query], credentials=own, party=client)


def test_a_revoked_client_is_told_so_and_the_others_go_on(deploy):
    deployment = deploy()
    (deployment.party("aggregator-1") / "revoked.txt").write_text("c\n")
    start_aggregators(deployment)
    with pytest.raises(Revoked, match="c was revoked by this operator"):
        send(deployment, [Join(run_id(deployment), b"")], party="c")


def test_a_client_that_calls_too_often_is_slowed_and_not_lost(deploy):
    deployment = deploy()
    with_lines(deployment, "aggregator-1", "calls_per_s = 4.0  # eight at once")
    path = deployment.party("aggregator-1") / "config.toml"
    path.write_text(path.read_text().replace("calls_per_s = 1000.0", ""))
    start_aggregators(deployment)
    join = Join(run_id(deployment), b"")
    assert len(send(deployment, [join] * 12)) == 12  # gRPC calls again, later
    assert TooManyCalls.retry


def test_vectors_are_sealed_as_long_as_they_are(served, client):
    d = Layout.of(served.testbed.manifest).d
    short = Share(run_id(served), 0, np.zeros(d - 1, dtype=np.uint64), start=bytes(16))
    with pytest.raises(Exception, match="got a share of"):
        send(served, [Join(run_id(served), b""), short], party=client)
