"""Messages along a contact are made of the sender's state and of the contact's own number, and of nothing else."""

import msgspec
import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.model_agents import ContactMatrices, ModelAgents
from lpm_secure.models.tracer import trace
from protocols.errors import BoundError, DataError, ModelError, ParameterError
from protocols.models.agent_model import SILENT, Edges
from protocols.models.graph import GraphChannel, GraphNode
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.bounds import prove, prove_levels
from protocols.models.graph.checks import check
from protocols.models.graph.information_flow import flows, sources
from tests.unit.client_sdk.private.test_contacts import private
from tests.user_models import Lenders

GRAPH = trace(Lenders).graph
PAYMENT, RUMOUR, TALK = range(3)
TENTHS = (10, 6, 1)


def payment(strain, number):
    """Return what a debtor pays, in plain Python."""
    return number * TENTHS[strain] + (strain == 1)


def rumour(strain, number):
    """Return what is said of it."""
    return max(3 * strain - number, 0) + (number == 0)


def test_each_contact_carries_what_its_sender_and_its_number_say():
    rng, n, m = np.random.default_rng(1), 9, 400
    strain, sender, channel = (rng.integers(0, 3, size) for size in (n, m, m))
    sender = rng.integers(0, n, m)
    number = np.where(rng.random(m) < 0.2, SILENT, rng.integers(0, 5, m))
    state = {"strain": strain, "till": np.zeros(n, np.int64), "nerve": np.zeros(n, np.int64)}
    agents = GraphModel(GRAPH, {}).agents
    told = agents.messages_along(state, agents.messages(state), Edges(sender, channel, number))
    for row in range(m):
        of, own = int(strain[sender[row]]), int(number[row])
        expected = {PAYMENT: payment(of, own), RUMOUR: rumour(of, own), TALK: of * own}[int(channel[row])]
        assert told[row] == (0 if own == SILENT else expected)


def world(backend, rows, strain, known=()):
    contacts = ContactTable(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)
    n = len(strain)
    columns = {"till": np.zeros(n, dtype=np.int64)}
    given = {"strain": np.array(strain), "nerve": np.full(n, 12)}
    return ModelAgents(
        backend(GRAPH),
        {},
        agents=np.arange(n, dtype=np.uint64),
        key=(1, 2),
        contacts=ContactMatrices(contacts, GRAPH.channels, n=n, period=1),
        columns=columns,
        known=given,
    )


@pytest.mark.parametrize("backend", [NumpyBackend, NumbaBackend])
def test_a_directed_contact_carries_one_way_and_others_both_and_each_row_by_itself(backend):
    rows = [
        (0, 0, 1, PAYMENT, 3),
        (0, 0, 1, PAYMENT, 1),
        (0, 0, 1, RUMOUR, 0),
        (0, 2, 1, RUMOUR, 4),
        (0, 2, 0, TALK, 5),
    ]
    agents, strain = world(backend, rows, [1, 0, 2]), [1, 0, 2]
    agents.update()
    assert agents.levels["income"].tolist() == [0, payment(1, 3) + payment(1, 1), 0]
    said = [[rumour(0, 0)], [rumour(1, 0), rumour(2, 4)], [rumour(0, 4)]]
    talk = [2 * strain[2] * 5, 0, 2 * strain[0] * 5]
    assert agents.levels["worry"].tolist() == [sum(each) + more for each, more in zip(said, talk, strict=True)]


@pytest.mark.parametrize("backend", [NumpyBackend, NumbaBackend])
def test_without_contacts_nothing_is_told(backend):
    agents = world(backend, [], [1, 1])
    agents.update()
    assert not any(level.any() for level in agents.levels.values())


def manifest(manifest_of, **more):
    model = GraphModel(GRAPH, {})
    return manifest_of(
        model=model, model_hash=model.digest, channels=model.contact_channels, **{"max_message": 41} | more
    )


def test_a_number_out_of_its_range_is_refused_wherever_it_comes_in(manifest_of):
    columns = {"till": np.zeros(2, dtype=np.int64)}
    private(manifest(manifest_of), (0, 0, 2, PAYMENT, 4), columns=columns)
    with pytest.raises(
        DataError, match="contact 1 has the number 5, which is out of the range that the model declares"
    ):
        private(manifest(manifest_of), (0, 0, 2, PAYMENT, 5), columns=columns)
    with pytest.raises(DataError, match="a contact of payment has a number out of 0 to 4"):
        world(NumpyBackend, [(0, 0, 1, PAYMENT, 5)], [0, 0])


def test_contacts_of_a_pair_are_as_loud_as_all_of_their_messages(manifest_of):
    columns, twice = {"till": np.zeros(2, dtype=np.int64)}, [(0, 0, 2, PAYMENT, 1)] * 2
    contacts = private(manifest(manifest_of, max_message=82), *twice, columns=columns).contacts
    agents = GraphModel(GRAPH, {}).agents
    assert contacts.largest_message(agents.most, agents.along) == 82
    with pytest.raises(DataError, match="two agents have contacts of weight 82 in all on one day"):
        private(manifest(manifest_of, max_message=81), *twice, columns=columns)


def test_levels_are_proved_by_the_number_of_contacts_whatever_their_numbers():
    one = world(NumpyBackend, [(0, 0, 1, PAYMENT, 4)], [0, 0])
    assert one is not None
    degree = ContactMatrices(
        ContactTable(*np.array([(0, 0, 1, PAYMENT, 4), (0, 2, 1, PAYMENT, 4)]).T), GRAPH.channels, n=3, period=1
    ).degree
    assert degree == 2
    prove_levels(GRAPH, degree=degree, steps=10)


def test_a_message_is_proved_for_all_numbers_in_the_range():
    narrow = msgspec.structs.replace(GRAPH, channels=GRAPH.channels | {"payment": GraphChannel(40, True, along=(0, 4))})
    with pytest.raises(BoundError, match="along of payment can be 0 to 41, and it is declared 0 to 40"):
        prove(narrow)


def test_what_is_told_along_contacts_is_a_source_of_what_it_decides():
    assert flows(GRAPH, "along")["payment"].fields == ("strain",)
    assert sources(GRAPH, "along", "payment").fields == ("nerve", "strain", "till")


ELSEWHERE = (*GRAPH.nodes, GraphNode("edge", name="payment"), GraphNode("edge", name="talk"))
HOSTILE = {
    "a number in an update": (
        {"nodes": ELSEWHERE[:-1], "update": {"nerve": len(GRAPH.nodes)}},
        "looks at edge payment",
    ),
    "another channel's number": (
        {"nodes": ELSEWHERE[:-1], "along": GRAPH.along | {"rumour": len(GRAPH.nodes)}},
        "along of rumour looks at a contact's number of payment",
    ),
    "a number that is not declared": ({"nodes": ELSEWHERE}, "contacts of talk have no number of their own"),
    "a channel twice": ({"messages": GRAPH.messages | {"payment": GRAPH.messages["talk"]}}, "each channel needs one"),
    "no message along": ({"along": {"payment": GRAPH.along["payment"]}}, "each channel needs one"),
    "a range without its message": (
        {"channels": GRAPH.channels | {"talk": GraphChannel(2, along=(0, 1))}},
        "talk declares numbers of its contacts",
    ),
    "an empty range": ({"channels": GRAPH.channels | {"payment": GraphChannel(40, along=(4, 0))}}, "give 0 to 2"),
    "a negative range": ({"channels": GRAPH.channels | {"payment": GraphChannel(40, along=(-1, 0))}}, "give 0 to 2"),
    "a cell": ({"channels": GRAPH.channels | {"payment": GraphChannel(40, cell=True, along=(0, 4))}}, "and no cell"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_graph_that_looks_at_numbers_where_there_are_none_is_refused(name):
    parts, said = HOSTILE[name]
    with pytest.raises((ModelError, ParameterError), match=said):
        check(msgspec.structs.replace(GRAPH, **parts))
