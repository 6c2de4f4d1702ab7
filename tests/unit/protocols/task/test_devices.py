"""Devices: tokens, slots, keys in files, and what a manifest may say of them."""

import asyncio

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from client_sdk import Client, ContactTable
from client_sdk.simulation.exchange import Exchange
from lpm_secure.testbed.keyring import most_contacts
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import CohortTooSmall, DataError, ParameterError
from protocols.models.graph import GraphChannel, GraphField, GraphNode, GraphOutcome, ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.task.devices import (
    Devices,
    edge_key,
    edge_token,
    pack_presence,
    presence_words,
    public_key,
    unpack_presence,
)
from protocols.task.layout import Layout
from protocols.task.rounds import Phase

RUN = bytes(32)


@pytest.fixture
def testbed_of(manifest_of):
    """Return a function that makes devices with contacts, rows of day, a, b, channel, weight."""

    def make(rows, *, n=5, degree=3, **changes):
        table = np.array(rows, dtype=np.int64).reshape(-1, 5).T
        agents = [(10 + agent,) for agent in range(n)]
        given = {"mode": "outcome", "edges": "permuted", "devices": Devices(degree=degree), "period": 2}
        return Testbed(manifest_of(agents, **given | changes), ContactTable(*table), np.zeros(0, np.int64), 0, "", True)

    return make


def test_both_ends_of_an_edge_derive_one_token_and_nobody_else_does():
    one, other, third = (X25519PrivateKey.generate() for _ in range(3))
    key = edge_key(one, public_key(other), RUN)
    assert key == edge_key(other, public_key(one), RUN)
    assert key != edge_key(third, public_key(one), RUN)
    assert key != edge_key(one, public_key(other), bytes([1]) * 32)
    ends = {"sender": public_key(one), "receiver": public_key(other)}
    tokens = {edge_token(key, day=day, **ends) for day in range(3)}
    tokens |= {edge_token(key, day=0, sender=ends["receiver"], receiver=ends["sender"])}
    assert len(tokens) == 4


def test_a_key_that_is_no_point_is_refused():
    with pytest.raises(DataError, match="no public key"):
        edge_key(X25519PrivateKey.generate(), bytes(32), RUN)


@given(n=st.integers(1, 200), seed=st.integers(0, 2**32))
def test_who_is_present_reads_as_it_was_written(n, seed):
    here = np.random.default_rng(seed).random(n) < 0.5
    words = pack_presence(np.flatnonzero(here).tolist(), n)
    assert words.size == presence_words(n)
    np.testing.assert_array_equal(unpack_presence(words, n), here)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": None}, "give both or neither"),
        ({"edges": "dense"}, "give both or neither"),
        ({"mode": "sum"}, "outcome mode"),
        ({"k": 3}, "two aggregators"),
    ],
)
def test_a_manifest_in_which_edges_could_not_be_hidden_is_refused(testbed_of, changes, message):
    with pytest.raises(ParameterError, match=message):
        testbed_of([], **changes)


def test_a_model_without_a_contact_channel_has_no_edges_to_hide(testbed_of):
    graph = ModelGraph(
        fields={"x": GraphField(0, 1)},
        nodes=(GraphNode("constant", numbers=(1,)),),
        begin={"x": 0},
        messages={"crowd": 0},
        update={},
        channels={"crowd": GraphChannel(1, cell=True)},
        outcomes={"full": GraphOutcome({"crowd": 5})},
        thresholds={"full": 0},
    )
    model = GraphModel(graph)
    with pytest.raises(ParameterError, match="permuted edges are those of contacts"):
        testbed_of([], model=model, model_hash=model.digest, channels=())


def test_a_client_of_two_agents_is_no_device(manifest_of):
    with pytest.raises(ParameterError, match="one agent each"):
        manifest_of([(1, 2)], mode="outcome", edges="permuted", devices=Devices(degree=1))


def test_a_device_that_never_comes_is_left_out_and_the_others_go_on(testbed_of, operators_of):
    rows = [(day, a, b, 0, 50) for day in (0, 1) for a, b in ((0, 1), (1, 2), (2, 3), (0, 4))]
    testbed = testbed_of(rows, join_timeout_s=0.5, round_timeout_s=5.0)

    async def client(name, operators):
        joined = await Client.join(testbed.manifest, testbed.private_state(name), operators.transports(name))
        await joined.run()
        return joined

    async def everybody():
        with operators_of(testbed.manifest) as operators:
            return await asyncio.gather(*(client(f"client-{place}", operators) for place in (0, 1, 2, 4)))

    ended = asyncio.run(everybody())
    assert [joined.missed for joined in ended] == [[]] * 4
    assert {joined.step for joined in ended} == {testbed.manifest.steps + 1}


def test_a_device_that_leaves_before_its_tokens_came_ends_the_run_and_nothing_is_kept(testbed_of, operators_of):
    testbed = testbed_of([(0, 0, 1, 0, 5)], round_timeout_s=0.5)
    manifest = testbed.manifest

    async def leaver(operators):
        exchange = Exchange(manifest, "client-1", operators.transports("client-1"))
        await exchange.join()
        await exchange.round(np.ones(1, dtype=np.uint64), step=0, phase=Phase.THRESHOLDS)

    async def everybody():
        with operators_of(manifest) as operators:
            names = [f"client-{place}" for place in (0, 2, 3, 4)]
            joins = [Client.join(manifest, testbed.private_state(name), operators.transports(name)) for name in names]
            ended = await asyncio.gather(leaver(operators), *joins, return_exceptions=True)
            assert [run._store.tokens(run.id) for run in operators.runs] == [None, None]
            return ended

    left, *others = asyncio.run(everybody())
    assert left is None
    assert {type(error) for error in others} == {CohortTooSmall}


def test_the_longest_call_is_that_with_the_tokens_of_a_long_period(testbed_of):
    layout = Layout.of(testbed_of([], period=60).manifest)
    assert layout.longest == layout.words(Phase.TOKENS, "client-0") == 60 * 2 * 3 * 2 > layout.d


def test_a_testbed_has_as_many_slots_as_its_busiest_person_needs(testbed_of):
    class Data(msgspec.Struct):
        day: object
        a: object
        b: object

    day, a, b = np.array([(0, 1, 2), (0, 2, 1), (0, 1, 3), (1, 4, 1), (1, 4, 2), (1, 4, 3)]).T
    assert most_contacts(Data(day, a, b)) == 3
