"""Masked runs in which servers and the engine end at drawn messages, and come back, equal the clear run bit for bit."""

import asyncio

import numpy as np
import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from client_sdk import Client
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.loop import simulate
from lpm_secure.engine.masked_part import MaskedAnnouncer, MaskedPart
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import WouldWrap
from protocols.task.parties import ENGINE
from tests.conformance.parity.conftest import ALL
from tests.masked_restarts import AFTER, BEFORE, SERVERS, Ends, Servers
from tests.repetitions import repetitions

CPU = torch.device("cpu")
NAME = "0" * 64
TIMES = {"join_timeout_s": 20.0, "round_timeout_s": 20.0}
FEW = ("library-seirs",)
TAKEN = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)]


class Killed(Exception):
    """The engine's process is gone."""


class Scene:
    """A run whose servers end at messages of these places, and the engine at calls of these numbers."""

    def __init__(self, testbed, folder, places, calls):
        self.testbed, self.folder, self.calls, self.ends = testbed, folder, calls, Ends(*places)
        self.servers = Servers(MaskedRun.draw(testbed.manifest), folder)
        self.servers.act, self.called, self.gone = self.act, 0, asyncio.Event()

    async def act(self, caller, callee, request, go_on):
        moment = None
        if caller == ENGINE:
            moment = self.calls.get(self.called)
            self.called += 1
        if moment == BEFORE:
            self.gone.set()
        reply = await self.ends(self.servers, caller, callee, request, go_on)
        if moment == AFTER:
            self.gone.set()
        return reply

    def part(self) -> MaskedPart:
        run = self.servers.run
        announcer = MaskedAnnouncer(
            run.plan, self.servers.parties.transports(ENGINE), run.signers[ENGINE], run.dealer.keys
        )
        return MaskedPart(announcer, ReleaseJournal(self.folder / "releases.jsonl", run=run.plan.run, engine=NAME))

    async def drive(self):
        """Run the engine, again and again until nobody kills it."""
        while True:
            self.gone = asyncio.Event()
            environment = self.testbed.new_environment()
            agents = self.testbed.synthetic_agents(CPU)
            task = asyncio.ensure_future(simulate(self.testbed.manifest, self.part(), agents, environment=environment))
            gone = asyncio.ensure_future(self.gone.wait())
            await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if task.done():
                return task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def client(self, name):
        private = self.testbed.private_state(name)
        joined = await Client.join_over(self.testbed.manifest, private, self.servers.parties.exchange(name))
        await joined.run()
        return joined

    async def play(self):
        names = [party.name for party in self.testbed.manifest.clients]
        driven = self.drive() if self.testbed.manifest.engine else asyncio.sleep(0)
        series, *clients = await asyncio.wait_for(asyncio.gather(driven, *(self.client(name) for name in names)), 120.0)
        self.servers.stop()
        return series, clients


def drawn(data):
    moments = st.sampled_from([BEFORE, AFTER])
    places = st.tuples(st.sampled_from(SERVERS), st.integers(0, 40), moments)
    calls = st.dictionaries(st.integers(0, 6), moments, max_size=3)
    return data.draw(st.lists(places, min_size=1, max_size=4)), data.draw(calls)


def check(testbed, run_clear, folder, data):
    places, calls = drawn(data)

    async def play():
        return await Scene(testbed, folder, places, calls).play()

    try:
        series, clients = asyncio.run(play())
    except WouldWrap:  # refused: private weights times drawn contacts may be beyond the ring
        if all(outcome.weight is None for outcome in testbed.manifest.model.agents.outcomes):
            raise
        reject()
    clear = run_clear(testbed)
    for field, values in clear.state.items():
        private = np.concatenate([client.private.state[field] for client in clients])
        np.testing.assert_array_equal(private, values, err_msg=field)
    assert not any(client.missed for client in clients)
    if testbed.manifest.engine:
        assert series.hash == clear.series.hash


@pytest.mark.parametrize("mode", ["outcome", "sum"])
@pytest.mark.parametrize("name", TAKEN)
@settings(max_examples=repetitions(3))
@given(data=st.data())
def test_a_masked_run_whose_servers_and_engine_come_back_equals_the_clear_run(
    name, mode, data, graph_testbeds, run_clear, tmp_path_factory
):
    testbed = data.draw(graph_testbeds(name, engine=True, mode=mode, k=2, security="active", **TIMES))
    check(testbed, run_clear, tmp_path_factory.mktemp("run"), data)


@pytest.mark.slow
@settings(max_examples=20)
@given(data=st.data(), least=st.sampled_from([0, 2, 8]))
def test_a_masked_epidemic_whose_servers_and_engine_come_back_equals_the_clear_run(
    data, least, testbeds, run_clear, tmp_path_factory
):
    testbed = data.draw(testbeds(mode="outcome", k=2, min_count=least, **TIMES))
    check(testbed, run_clear, tmp_path_factory.mktemp("run"), data)
