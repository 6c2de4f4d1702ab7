"""What a client keeps to itself: checked when it is made, and neither printed, pickled nor copied."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from aggregator.store import JointResult, PendingRound, RoundClosure
from client_sdk import Client, ContactTable, LocalTransport, PrivateState
from client_sdk.private.state import TESTBED, simulation_key
from client_sdk.simulation.exchange import Exchange
from protocols.errors import DataError, ParameterError
from protocols.models.graph import GraphChannel, GraphField, GraphNode, ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.wire.messages import Join, RoundRelease, RoundResult, Share

SECRET = 0x5EC2E75EC2E75EC2
KEY = bytes.fromhex("5ec2e75ec2e75ec2") * 4
NOTHING = np.zeros(0, dtype=np.int64)


def table(*rows):
    """Return contacts from rows of day, a, b, channel, weight."""
    return ContactTable(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)


def private(manifest, *rows, name="client-0", cell=NOTHING, **options):
    return PrivateState(manifest, name, contacts=table(*rows), cell=cell, **options)


def words(*values):
    return np.array(values, dtype=np.uint64)


def test_it_prints_as_its_size_alone(manifest_of):
    state = private(manifest_of(), (0, 0, 2, 0, 77))
    assert repr(state) == str(state) == f"{state}" == "PrivateState(client-0: 2 agents, hidden)"


@pytest.mark.parametrize("take", [*(lambda x, p=p: pickle.dumps(x, p) for p in range(6)), copy.copy, copy.deepcopy])
def test_it_is_not_pickled_or_copied(manifest_of, take):
    with pytest.raises(TypeError, match="not pickled or copied"):
        take(private(manifest_of()))


def test_nothing_can_be_hung_onto_it(manifest_of):
    state = private(manifest_of())
    with pytest.raises(AttributeError):
        state.note = "a"
    assert not hasattr(state, "__dict__")


def shows(thing, *, digits):
    """Return which of the secret's digits a printed value shows, in decimal, hex or bytes."""
    text = repr(thing) + str(thing)
    forms = [str(digits), f"{digits:x}", repr(KEY)[2:-1], KEY.hex(), "\\x5e\\xc2"]
    return [form for form in forms if form.lower() in text.lower()]


@pytest.mark.parametrize(
    "message",
    [
        Join(bytes(32), KEY),
        Share(bytes(32), 1, words(SECRET)),
        RoundResult(1, words(SECRET), words(SECRET), NOTHING, 3),
        RoundRelease(1, words(SECRET), 3, 4),
        PendingRound(1, {"client-0": KEY}, b""),
        RoundClosure(1, ("client-0",), ("client-0",), {"client-0": KEY}, KEY, b"", KEY),
        JointResult(1, KEY, KEY),
        ContactTable(*(np.array([SECRET]) + i for i in range(5))),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_holds_a_secret_prints_none_of_it(message):
    assert not shows(message, digits=SECRET)


def test_a_client_prints_no_state_no_key_and_no_contact(manifest_of):
    state = private(manifest_of(), (0, 0, 2, 0, 77))
    exchange = Exchange(manifest_of(), "client-0", [LocalTransport(None, caller="client-0")] * 2)
    client = Client(manifest_of(), state, exchange)
    text = repr(client) + repr(exchange)
    for key in exchange._keys:
        assert key.hex() not in text
        assert repr(key) not in text
    for tau in state.state["tau"]:
        assert str(tau) not in text
    assert "77" not in repr(state.contacts)
    hidden = {field.name for field in dataclasses.fields(Client) if not field.repr}
    assert {"private", "exchange"} <= hidden


def test_a_testbeds_draws_come_from_its_seed_and_are_the_same_in_every_split(manifest_of):
    whole = private(manifest_of([(1, 2, 3, 4)]))
    part = private(manifest_of([(1, 3), (4, 2)]), name="client-1")
    assert simulation_key(manifest_of().testbed_seed) == (7, TESTBED)
    for field in whole.state:
        assert part.state[field].tolist() == whole.state[field][[3, 1]].tolist()


def test_without_a_testbed_every_client_draws_its_own_key(manifest_of):
    manifest = manifest_of(testbed_seed=None)
    keys = [simulation_key(manifest.testbed_seed) for _ in range(50)]
    assert len({word for key in keys for word in key}) == 100
    one, other = private(manifest), private(manifest)
    assert (one.state["tau"] != other.state["tau"]).all()


def test_a_more_susceptible_agent_has_a_threshold_as_much_lower(manifest_of):
    plain = private(manifest_of()).state["tau"]
    scaled = private(manifest_of(), columns={"susceptibility": np.array([2 << 16, 1 << 14])}).state["tau"]
    np.testing.assert_allclose(scaled, plain * np.array([0.5, 4.0]), rtol=0, atol=3)


def test_a_client_that_the_manifest_does_not_list_is_refused(manifest_of):
    with pytest.raises(ParameterError, match="lists no client client-9; it has client-0, client-1, client-2"):
        private(manifest_of(), name="client-9")


@pytest.mark.parametrize(
    "susceptibility",
    [[0, 1 << 16], [-1, 1 << 16], [2**30 + 1, 1 << 16], [1.0, 1.0], [1 << 16], [1 << 16] * 3, [[1 << 16] * 2]],
    ids=repr,
)
def test_a_susceptibility_that_is_not_a_positive_number_for_each_agent_is_refused(manifest_of, susceptibility):
    with pytest.raises(DataError, match=r"susceptibility (in row 1 is outside|has shape)"):
        private(manifest_of(), columns={"susceptibility": np.array(susceptibility)})


def test_a_susceptibility_so_small_that_its_threshold_could_wrap_is_refused(manifest_of, seir):
    manifest = manifest_of(model=seir(f=50))
    least = next(each.low for each in manifest.model.agents.columns if each.name == "susceptibility")
    assert 37 * 2.0**50 / least < 2.0**62
    with pytest.raises(DataError, match="susceptibility in row 2 is outside"):
        private(manifest, columns={"susceptibility": np.array([1 << 16, round(least * 2**16) - 1])})


@pytest.mark.parametrize("cell", [[0], [0, 1, 1], []])
def test_a_cell_for_each_agent_is_needed(manifest_of, cell):
    with pytest.raises(DataError, match=f"got cells of {len(cell)} agents; the client has 2"):
        private(manifest_of(cells=(5, 5)), cell=np.array(cell, dtype=np.int64))


@pytest.mark.parametrize("cell", [[0, 2], [-1, 0]])
def test_a_cell_that_the_run_does_not_have_is_refused(manifest_of, cell):
    with pytest.raises(DataError, match="the run has cells 0 to 1"):
        private(manifest_of(cells=(5, 5)), cell=np.array(cell))


@pytest.mark.parametrize("weight", [2, 2**31, 2**32])  # products of these and the message wrap to 2**63, and to 0
def test_a_contact_that_makes_a_message_too_large_is_refused_before_products_wrap(manifest_of, weight):
    graph = ModelGraph(
        fields={"x": GraphField(0, 1)},
        nodes=(GraphNode("constant", numbers=(1,)),),
        begin={"x": 0},
        messages={"loud": 0},
        update={},
        channels={"loud": GraphChannel(2**32)},
    )
    model = GraphModel(graph)
    manifest = manifest_of(model=model, model_hash=model.digest, channels=("loud",), max_message=2**32)
    assert private(manifest, (0, 0, 2, 0, 1)).contacts.largest_message(model.agents.most) == 2**32
    with pytest.raises(DataError, match=f"contact 1 makes a message {weight} times as large; the manifest allows"):
        private(manifest, (0, 0, 2, 0, weight))
