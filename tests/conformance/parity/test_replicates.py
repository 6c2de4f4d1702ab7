"""Replicates: each of those that one private run makes has the bits of its own run, with its seed."""

import asyncio
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from client_sdk import Client
from lpm_secure.engine.loop import RemotePart, simulate_replicates
from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import WouldWrap
from protocols.task.parties import ENGINE
from tests.conformance.parity.conftest import ALL

CPU = torch.device("cpu")
FEW = ("averaging", "closures", "crowds", "lenders", "library-seirs", "library-strains", "places")  # of every kind
EACH = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)]
MASKED = [
    name if name in ("library-seirs", "opinion") else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)
]


def with_replicates(testbed, copies):
    seed = min(testbed.manifest.testbed_seed, 2**62)
    manifest = msgspec.structs.replace(testbed.manifest, replicates=copies, testbed_seed=seed)
    return type(testbed)(**{name: getattr(testbed, name) for name in testbed.__slots__} | {"manifest": manifest})


async def everybody(testbed, engine, exchange_of):
    """Run clients and, where there is one, the engine; return the series of each replicate, and the clients."""

    async def one(name):
        client = await exchange_of(name)
        await client.run()
        return client

    async def drive():
        if testbed.manifest.engine:
            each = testbed.replicates
            synthetic, public = [own.synthetic_agents(CPU) for own in each], [own.new_environment() for own in each]
            return await simulate_replicates(testbed.manifest, engine, synthetic, public)
        return ()

    series, *clients = await asyncio.gather(drive(), *(one(party.name) for party in testbed.manifest.clients))
    return SimpleNamespace(series=series, clients=clients)


def run_replicates(testbed, operators_of):
    async def play():
        with operators_of(testbed.manifest) as started:

            def join(name):
                return Client.join(testbed.manifest, testbed.private_state(name), started.transports(name))

            return await everybody(testbed, RemotePart(testbed.manifest, started.transports(ENGINE)), join)

    return asyncio.run(play())


def run_masked(testbed):
    run = MaskedRun.draw(testbed.manifest)

    async def play():
        with start_parties(run) as parties:

            def join(name):
                return Client.join_over(testbed.manifest, testbed.private_state(name), parties.exchange(name))

            return await everybody(testbed, parties.engine, join)

    return asyncio.run(play())


def check(testbed, private, run_clear):
    copies = testbed.manifest.copies
    for copy, own in enumerate(testbed.replicates):
        clear = run_clear(own)
        for field, values in clear.state.items():
            each = np.concatenate([client.private.state[field] for client in private.clients])
            np.testing.assert_array_equal(each[copy::copies], values, err_msg=f"{field} of replicate {copy}")
        if testbed.manifest.engine:
            np.testing.assert_array_equal(private.series[copy].counts, clear.series.counts)
            assert private.series[copy].hash == clear.series.hash
    assert not any(client.missed for client in private.clients)


@pytest.mark.parametrize("mode", ["outcome", "sum"])
@pytest.mark.parametrize("name", EACH)
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_each_replicate_has_the_bits_of_its_own_run(name, mode, data, graph_testbeds, run_clear, operators_of):
    testbed = with_replicates(data.draw(graph_testbeds(name, mode=mode)), data.draw(st.integers(2, 5)))
    check(testbed, run_replicates(testbed, operators_of), run_clear)


@settings(max_examples=3, deadline=None)
@given(data=st.data(), least=st.integers(2, 8))
def test_small_counts_are_suppressed_in_each_replicate_by_itself(data, least, testbeds, run_clear, operators_of):
    testbed = with_replicates(data.draw(testbeds(mode="outcome", min_count=least)), data.draw(st.integers(2, 5)))
    check(testbed, run_replicates(testbed, operators_of), run_clear)


@pytest.mark.parametrize("name", MASKED)
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_each_replicate_of_a_masked_run_has_the_bits_of_its_own_run(name, data, graph_testbeds, run_clear):
    testbed = with_replicates(data.draw(graph_testbeds(name, mode="outcome", k=2)), data.draw(st.integers(2, 4)))
    try:
        private = run_masked(testbed)
    except WouldWrap:
        reject()
    check(testbed, private, run_clear)
