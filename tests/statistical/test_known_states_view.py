"""What a holder knows of its people is not seen: worlds in which other states are known, nobody's and everybody's.

Whole runs over real parties, with the clients' coins fixed: the same calls in the same order with the same sizes, the
same bytes at every aggregator but the last, and there all but the words of shares. What those words show of secrets is
held by the tests of views.
"""

from collections import defaultdict

import numpy as np
import pytest

from client_sdk import ContactTable
from lpm_secure.audit.views.world import World
from lpm_secure.models.reference import find
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.testbed import Testbed
from protocols.models.agent_model import UNKNOWN
from protocols.models.graph.agents import GraphModel

AGENTS = [(1, 2, 3), (4, 5), (6,)]
N = 6
KNOWN = {
    "nobody": [UNKNOWN] * N,
    "some are ill": [2, UNKNOWN, 0, UNKNOWN, 1, UNKNOWN],
    "others have recovered": [UNKNOWN, 3, UNKNOWN, 0, UNKNOWN, 3],
    "everybody is ill": [2] * N,
}


@pytest.fixture(params=["table", "seirs"])
def run(manifest_of, seir, request):
    model = seir(f=24, beta=(2**18,))
    if request.param == "seirs":
        traced = trace(find("seirs"))
        model = GraphModel(traced.graph, traced.parameters)
    channels = model.contact_channels if request.param == "seirs" else ("near",)
    return manifest_of(AGENTS, mode="outcome", steps=4, model=model, channels=channels, max_message=20)


def world_of(manifest, known):
    """Return a world whose contacts are the same in all worlds, and of whose people this is known."""
    a, b = np.triu_indices(N, 1)
    zero = np.zeros_like(a)
    table = ContactTable(zero, a, b, zero, zero + 3)
    columns = {"stage": np.array(known, dtype=np.int64)}
    return World(Testbed(manifest, table, np.zeros(0, dtype=np.int64), 0, "drawn", True, columns=columns), {})


def order(recording, manifest):
    """Return what each client tells each aggregator, in order: of what kind, in which step, of how many bytes.

    The order between clients is the event loop's.
    """
    found = defaultdict(list)
    for each in recording.passed:
        if each.sender in {client.name for client in manifest.clients}:
            step = getattr(each.message, "step", None)
            found[each.sender, each.receiver].append((type(each.message).__name__, step, len(each.content[2])))
    return dict(found)


def seen(recording, manifest):
    *keyed, last = (party.name for party in manifest.aggregators)
    return [recording.bytes_to(name) for name in keyed], recording.bytes_to(last, words=False)


def test_what_is_known_changes_no_call_no_size_and_no_byte_beside_words_of_shares(run, record):
    recordings = {name: record(world_of(run, known), seed=5) for name, known in KNOWN.items()}
    first = recordings.pop("nobody")
    shared = [[vector.tolist() for _, vector in first.vectors[client.name]] for client in run.clients]
    for name, each in recordings.items():
        assert order(each, run) == order(first, run), name
        assert seen(each, run) == seen(first, run), name
        assert [[vector.tolist() for _, vector in each.vectors[client.name]] for client in run.clients] != shared, name
