"""Where agents are, and where they move to, is not seen: the same people in other places, and all of them in one.

Whole runs over real parties, with the clients' coins fixed: the same calls in the same order with the same sizes both
ways, the same bytes at every aggregator but the last, and there all but the words of shares. What those words show of
secrets is held by the tests of views.
"""

import asyncio
from collections import defaultdict

import numpy as np
import pytest

from client_sdk import ContactTable
from lpm_secure.audit.views.recording import RecordingTransport
from lpm_secure.audit.views.world import World
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from lpm_secure.testbed.synthetic import draw_columns
from lpm_secure.testbed.testbed import Testbed
from protocols.models.agent_model import UNKNOWN
from protocols.models.graph.agents import GraphModel
from tests.masked_runs import play_testbed
from tests.user_models import MODELS

AGENTS = [(1, 2, 3), (4, 5), (6,)]
N, CELLS = 6, 3
PLACES = {
    "drawn": [UNKNOWN] * N,
    "all in one": [1] * N,
    "all in another": [2] * N,
    "one in each": [0, 1, 2, 0, 1, 2],
}


@pytest.fixture(params=["density", pytest.param("places", marks=pytest.mark.slow)])
def run(manifest_of, request):
    return run_of(manifest_of, request.param)


def run_of(manifest_of, name, **changes):
    traced = trace(MODELS[name])
    model = GraphModel(traced.graph, dict(traced.parameters))
    own = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, **changes}
    return manifest_of(AGENTS, mode="outcome", steps=3, cells=(N,) * CELLS, max_message=20, **own)


def world_of(manifest, place):
    """Return a world in which all is the same, but where people are at first and so where they go."""
    a, b = np.triu_indices(N, 1)
    zero = np.zeros_like(a)
    table = ContactTable(zero, a, b, zero, zero + 1)
    columns = draw_columns(manifest, np.arange(1, N + 1, dtype=np.uint64))
    columns |= {"place": np.array(place, dtype=np.int64), "health": np.ones(N, dtype=np.int64)}
    return World(Testbed(manifest, table, zero[:0], 0, "drawn", True, columns=columns), {})


def order(recording):
    """Return what passes between each two parties, in order: of what kind, in which step, of how many bytes."""
    passed = defaultdict(list)
    for each in recording.passed:
        step = getattr(each.message, "step", None)
        passed[each.sender, each.receiver].append((type(each.message).__name__, step, len(each.content[2])))
    clients = {pair: calls for pair, calls in passed.items() if any(name.startswith("client") for name in pair)}
    others = {pair: sorted(map(str, calls)) for pair, calls in passed.items() if pair not in clients}
    return clients, others


def seen(recording, manifest):
    *keyed, last = (party.name for party in manifest.aggregators)
    return [recording.bytes_to(name) for name in keyed], recording.bytes_to(last, words=False)


def test_where_agents_are_changes_no_call_no_size_and_no_byte_beside_words_of_shares(run, record):
    recordings = {name: record(world_of(run, place), seed=5) for name, place in PLACES.items()}
    first = recordings.pop("drawn")
    shared = [[vector.tolist() for _, vector in first.vectors[client.name]] for client in run.clients]
    for name, each in recordings.items():
        assert order(each) == order(first), name
        assert seen(each, run) == seen(first, run), name
        assert [[vector.tolist() for _, vector in each.vectors[client.name]] for client in run.clients] != shared, name


def shapes(manifest, place):
    """Return of which kind and how long all messages of a masked run are, by receiver and sender, in order."""
    passed, views, testbed = [], defaultdict(list), world_of(manifest, place).testbed

    async def play(run):
        with start_parties(run, around=lambda *link: RecordingTransport(link[2], link[0], link[1], passed)) as parties:
            return await play_testbed(testbed, parties)

    _, clients = asyncio.run(play(MaskedRun.draw(manifest)))
    for each in passed:
        envelope = getattr(each.message, "envelope", None)
        size = 0 if envelope is None else len(envelope.content)
        views[each.receiver, each.sender, each.asks].append((type(each.message).__name__, size))
    return dict(views), np.concatenate([client.private.cell for client in clients]).tolist()


def test_where_agents_are_changes_no_kind_size_or_order_of_messages_in_a_masked_run(manifest_of):
    manifest = run_of(manifest_of, "density", join_timeout_s=20.0, round_timeout_s=20.0)
    (one, first), (other, last) = (shapes(manifest, PLACES[name]) for name in ("all in one", "one in each"))
    assert first != last
    assert any(size for calls in one.values() for _, size in calls)
    assert one == other
