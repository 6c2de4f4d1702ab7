"""An engine that is killed at any moment and started again from its journal ends with the bits of the clear run."""

import asyncio

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk import Client, ContactTable, PrivateState
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.loop import RemotePart, simulate
from protocols.errors import ConflictingReplay, DataError, ParameterError
from protocols.task import manifest as manifests
from protocols.wire.messages import Announcement
from protocols.wire.transport import Transport

NAME = "0" * 64
CPU = torch.device("cpu")


class Killed(Exception):
    """The engine's process is gone."""


class Mortal(Transport):
    """Brings an engine's calls until it is killed: before one is sent, or when its answer is on the way."""

    def __init__(self, inner, moments):
        self._inner, self._moments = inner, moments

    async def call(self, request, *, timeout_s):
        moment = self._moments.pop(0) if self._moments else None
        if moment == "before":
            raise Killed
        reply = await self._inner.call(request, timeout_s=timeout_s)
        if moment == "after":
            await asyncio.sleep(0.01)  # clients go on to the step's second round, or to the next step
            raise Killed
        return reply


def vector(number):
    return np.array([number], dtype=np.int64)


def nobody():
    return ContactTable(*np.zeros((5, 0), dtype=np.int64))


async def whole_client(manifest, operators, name):
    agents = next(len(party.agents) for party in manifest.clients if party.name == name)
    private = PrivateState(manifest, name, contacts=nobody(), cell=np.zeros(agents, dtype=np.int64))
    await (await Client.join(manifest, private, operators.transports(name))).run()


def begin(testbed, path):
    return ReleaseJournal(path, run=manifests.run_id(testbed.manifest), engine=NAME)


async def drive(testbed, operators, path, moments, torn):
    """Run the engine, again and again until nobody kills it."""
    environments = [testbed.new_environment() for _ in range(len(moments) + 1)]
    while True:
        transports = [Mortal(each, moments) for each in operators.transports("engine")]
        part = RemotePart(testbed.manifest, transports, begin(testbed, path))
        agents = testbed.synthetic_agents(CPU)
        try:
            return await simulate(testbed.manifest, part, agents, environment=environments.pop())
        except Killed:
            if torn:  # it was writing down what it was told
                with path.open("ab") as file:
                    file.write(b'{"step":')


@settings(max_examples=6)
@given(data=st.data())
@pytest.mark.parametrize("name", ["closures", "banks"])  # with public numbers, and with nothing that is announced
def test_an_engine_that_is_killed_and_comes_back_ends_with_the_bits_of_the_clear_run(
    name, data, graph_testbeds, operators_of, run_clear, tmp_path_factory
):
    mode = data.draw(st.sampled_from(["outcome", "sum"]))
    testbed = data.draw(graph_testbeds(name, engine=True, mode=mode, k=2, join_timeout_s=20.0, round_timeout_s=20.0))
    moments = data.draw(st.lists(st.sampled_from(["before", "after", None, None]), max_size=12))
    path, torn = tmp_path_factory.mktemp("engine") / "releases.jsonl", data.draw(st.booleans())

    async def everybody():
        with operators_of(testbed.manifest) as operators:

            async def one(party):
                private, ways = testbed.private_state(party.name), operators.transports(party.name)
                await (await Client.join(testbed.manifest, private, ways)).run()

            driven = drive(testbed, operators, path, list(moments), torn)
            return (await asyncio.gather(driven, *(one(party) for party in testbed.manifest.clients)))[0]

    series = asyncio.run(everybody())
    assert series.hash == run_clear(testbed).series.hash
    assert begin(testbed, path).steps == testbed.manifest.steps + 1


def test_another_announcement_of_a_step_whose_clients_have_gone_on_is_refused(manifest_of, operators_of):
    manifest = manifest_of(engine=True, mode="outcome", cells=(9,), round_timeout_s=20.0)
    run = manifests.run_id(manifest)

    async def act():
        with operators_of(manifest) as operators:
            tasks = [asyncio.ensure_future(whole_client(manifest, operators, each.name)) for each in manifest.clients]
            (way, other), first = operators.transports("engine"), Announcement(run, 0, vector(3))
            told = await asyncio.gather(*(each.call(first, timeout_s=20.0) for each in (way, other)))
            while operators.runs[0].round.number < 3:
                await asyncio.sleep(0.01)
            again = await way.call(first, timeout_s=20.0)
            assert again.release.tolist() == told[0].release.tolist()
            assert (again.members, again.traffic) == (told[0].members, told[0].traffic)
            with pytest.raises(ConflictingReplay, match="two different totals for step 0"):
                await way.call(Announcement(run, 0, vector(4)), timeout_s=20.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(act())


def test_a_journal_of_another_run_or_engine_or_that_is_damaged_is_refused(tmp_path):
    path = tmp_path / "releases.jsonl"
    first = ReleaseJournal(path, run=bytes(32), engine=NAME)
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(0o640)
    with pytest.raises(ParameterError, match="only its owner may read it"):
        ReleaseJournal(path, run=bytes(32), engine=NAME)
    path.chmod(0o600)
    assert ReleaseJournal(path, run=bytes(32), engine=NAME).head == first.head
    for run, engine in ((bytes([1]) * 32, NAME), (bytes(32), "1" * 64)):
        with pytest.raises(DataError, match="is of another run, population or configuration"):
            ReleaseJournal(path, run=run, engine=engine)
    head = path.read_bytes()
    entry = msgspec.json.encode({"step": 0, "announced": NAME, "words": [1], "members": 2, "traffic": 3}) + b"\n"
    for damage, said in ((entry * 2, "one twice"), (b"{}\n" + entry, "line 2: no line of a journal")):
        path.write_bytes(head + damage)
        with pytest.raises(DataError, match=said):
            ReleaseJournal(path, run=bytes(32), engine=NAME)
    path.write_bytes(head + entry)
    with pytest.raises(DataError, match="announces something else in step 0"):
        ReleaseJournal(path, run=bytes(32), engine=NAME).release(0, vector(1))
