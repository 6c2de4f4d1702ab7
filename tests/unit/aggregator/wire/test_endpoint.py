"""The port of a server process: its health says SERVING when it can compute, and no earlier."""

import asyncio
import logging

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from aggregator.metrics import Metrics
from aggregator.wire.callers import Callers
from aggregator.wire.endpoint import _serve_when, open_endpoint
from lpm_secure.testbed.deployment import free_addresses
from lpm_secure.testbed.keys import pin_keys
from protocols.wire.methods import SERVICE

NAME = "aggregator-0"


def test_a_server_is_said_to_serve_when_its_first_comparison_can_begin(manifest_of):
    _, keys = pin_keys(manifest_of())
    (address,) = free_addresses(1)
    own = keys.credentials[NAME]

    async def act():
        loaded = asyncio.Event()

        async def ready():
            await loaded.wait()

        callers = Callers([], calls_per_s=100.0)
        given = {"metrics": Metrics(), "callers": callers, "max_bytes": 1000, "ready": ready}
        server = await open_endpoint(address, own, None, **given)
        tls = grpc.ssl_channel_credentials(own.authority, own.private_key, own.certificate)
        options = [("grpc.ssl_target_name_override", NAME), ("grpc.enable_http_proxy", 0)]
        async with aio.secure_channel(address, tls, options=options) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            asked = health_pb2.HealthCheckRequest(service=SERVICE)
            before = (await health.Check(asked, wait_for_ready=True)).status
            loaded.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            after = (await health.Check(asked)).status
        await server.stop(0)
        return before, after

    states = health_pb2.HealthCheckResponse
    assert asyncio.run(act()) == (states.NOT_SERVING, states.SERVING)


def test_a_server_whose_comparisons_do_not_load_says_so_in_its_log(caplog):
    class Health:
        async def set(self, service, state):
            raise AssertionError("it serves nothing")

    async def ready():
        raise ImportError("no such library")

    with caplog.at_level(logging.ERROR, "aggregator"):
        asyncio.run(_serve_when(ready, Health()))
    assert "not ready to serve" in caplog.text
    assert "no such library" in caplog.text
