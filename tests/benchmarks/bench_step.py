"""`step_12`, `step_100`: a private step over TLS, against a bare gRPC barrier of the same payload.

Aggregators, and the barriers in their place, are processes; all clients are coroutines of this process, each with its
own TLS connections. Both sides make the same number of calls with the same bytes in both directions.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
import numpy as np
from grpc import aio
from measure import Row, cpu_seconds, pids_of

from client_sdk import Client, ContactTable
from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import Testbed
from protocols.identity import certificates
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import AggregatorParty, ClientParty
from protocols.wire.connect import connect
from protocols.wire.tls import require_tls13

STEPS = 60
AGENTS = 217  # as many as in the workplace, whoever holds them
BARRIER = Path(__file__).parent / "barrier.py"


def manifest_of(clients):
    """Return a run of AGENTS agents, split over so many clients, without an engine."""
    law = (2**32,)
    model = graph_of(TableIntegers((2**30,), cell_beta=2**30, latent=law, infectious=law, initial=2**28, f=40))
    parts = np.array_split(np.arange(AGENTS), clients)
    return SimulationManifest(
        name="bench",
        model=model,
        model_hash=model.digest,
        steps=STEPS,
        channels=("near",),
        max_message=10,
        cells=(100,) * 20,
        mode="sum",
        aggregators=tuple(AggregatorParty(f"aggregator-{a}", each) for a, each in enumerate(free_addresses(2))),
        clients=tuple(ClientParty(f"c{c}", tuple(int(agent) for agent in part)) for c, part in enumerate(parts)),
        min_cohort=2,
        join_timeout_s=60.0,
        round_timeout_s=60.0,
        testbed_seed=1,
    )


async def private_step(deployment):
    """Return the mean seconds of a round after the first, and all parties' CPU seconds in all of these rounds."""
    manifest = deployment.testbed.manifest
    ends, used = [], []

    def note(step):
        ends.append(time.perf_counter())
        used.append(cpu_seconds(pids_of(deployment)))

    async def one(name, record):
        private = deployment.testbed.private_state(name)
        transports = connect(manifest, certificates.read(deployment.party(name)))
        client = await Client.join(manifest, private, transports)
        await client.run(on_step=note if record else lambda step: None)
        for transport in transports:
            await transport.close()

    names = [client.name for client in manifest.clients]
    await asyncio.gather(*(one(name, name == names[0]) for name in names))
    return (ends[-1] - ends[0]) / STEPS, used[-1] - used[0]


async def barrier_step(folder, addresses, clients, payloads, reply_bytes):
    """Return the mean seconds of a barrier: all clients call all servers, which answer when all have called."""
    require_tls13()
    own = certificates.read(folder)
    calls = []
    for _ in range(clients):
        tls = grpc.ssl_channel_credentials(own.authority, own.private_key, own.certificate)
        options = [("grpc.ssl_target_name_override", "engine"), ("grpc.use_local_subchannel_pool", 1)]
        calls.append([aio.secure_channel(each, tls, options).unary_unary("/bench.Barrier/Meet") for each in addresses])

    async def one(own_calls):
        await asyncio.gather(
            *(call(bytes(n), wait_for_ready=True, timeout=60.0) for call, n in zip(own_calls, payloads, strict=True))
        )

    async def everybody():
        await asyncio.gather(*(one(own_calls) for own_calls in calls))

    await everybody()
    started = time.perf_counter()
    for _ in range(STEPS):
        await everybody()
    return (time.perf_counter() - started) / STEPS


def step(clients):
    """Measure both, in one run."""
    manifest = manifest_of(clients)
    table = ContactTable(*(np.zeros(0, dtype=np.int64) for _ in range(5)))
    testbed = Testbed(manifest, table, np.arange(AGENTS) % 20, 0, "none", True)
    layout = Layout.of(manifest)
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(Path(folder), testbed)
        deployment.write()
        try:
            for party in manifest.aggregators:
                deployment.start_party(party.name)
            private, cpu_s = asyncio.run(private_step(deployment))
        finally:
            deployment.stop()
        reply = 8 * (AGENTS // clients + layout.release_words + layout.cells) + 16
        credentials = deployment.party("engine")
        addresses = free_addresses(2)
        servers = [
            subprocess.Popen([sys.executable, str(BARRIER), each, str(credentials), str(clients), str(reply)])
            for each in addresses
        ]
        try:
            payloads = (40, 8 * layout.d + 40)
            barrier = asyncio.run(barrier_step(credentials, addresses, clients, payloads, reply))
        finally:
            for server in servers:
                server.terminate()
                server.wait()
    against = f"bare gRPC barrier, {barrier * 1e3:.1f} ms"
    return [Row(f"step_{clients}", private * 1e3, "ms", against, private / barrier, cpu_s=cpu_s)]


BENCHMARKS = {"step_12": lambda: step(12), "step_100": lambda: step(100)}
