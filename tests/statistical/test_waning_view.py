"""Where immunity wanes, what an aggregator receives does not tell who recovered when; what a careless client's would.

Whole runs over real parties, with the clients' coins fixed, in two worlds whose agents fall ill and recover at other
times. Thresholds enter again as part of the words that every agent tells in every step.
"""

import contextlib
import dataclasses
from collections import defaultdict

import numpy as np
import pytest

from client_sdk import Client
from protocols.errors import LpmError
from protocols.task.rounds import Phase
from protocols.wire.messages import Share
from tests.epidemics import doses_of

S, E, I, R = range(4)  # noqa: E741 - the field's letters
NEVER = 2**60


@pytest.fixture(params=[{}, doses_of(1, 4, 2**31, 64)], ids=["waning", "waning and doses"])
def manifest(manifest_of, seir, request):
    law = (2**31, 2**31)
    model = seir(waning=law, doses=request.param, f=24, beta=(2**18,))
    return manifest_of([(1, 2, 3), (4, 5)], mode="outcome", steps=10, model=model, max_message=20)


def world_in_which(world, manifest, ill, first):
    """Return a world in which these agents are infectious at the start and recover at `first`; the others meet them."""
    contacts = [(0, a, b, 0, 3) for a in range(5) for b in range(a + 1, 5)]
    stage = [I if agent in ill else S for agent in range(5)]
    timer = [first if agent in ill else 0 for agent in range(5)]
    return world(manifest, contacts, [], stage=stage, timer=timer, waning=[first] * 5, tau=[NEVER] * 5)


def views(recording, manifest):
    """Return what each aggregator sees, by sender and in order, with words of shares left out at the last."""
    *_, last = (party.name for party in manifest.aggregators)
    found = defaultdict(list)
    for each in recording.passed:
        if each.receiver in {party.name for party in manifest.aggregators}:
            hides = isinstance(each.message, Share) and each.receiver == last
            shown = (
                dataclasses.replace(each.message, share=np.zeros_like(each.message.share)) if hides else each.message
            )
            content = dataclasses.replace(each, message=shown).content
            found[each.receiver, each.sender, each.asks].append(content)
    return dict(found)


def two_worlds(world, manifest, record):
    worlds = (world_in_which(world, manifest, {0}, 1), world_in_which(world, manifest, {1, 3}, 3))
    recordings = [record(each, seed=5) for each in worlds]
    spoken = [[vector.tolist() for _, vector in each.vectors["client-0"]] for each in recordings]
    assert spoken[0] != spoken[1]
    return [views(each, manifest) for each in recordings]


def anew_told(recording):
    """Return, step by step, which agents of the first client begin anew."""
    words = [vector for _, vector in recording.vectors["client-0"]][2::2]
    return [vector.reshape(3, -1)[:, 2].tolist() for vector in words]


def test_sizes_order_and_bytes_do_not_tell_who_recovered_when(world, manifest, record):
    one, other = two_worlds(world, manifest, record)
    assert one == other


def test_agents_do_return_in_these_worlds_and_at_different_times(world, manifest, record):
    worlds = (world_in_which(world, manifest, *given) for given in (({0}, 1), ({1}, 3)))
    seen = [anew_told(record(each, seed=5)) for each in worlds]
    assert any(map(any, seen[0]))
    assert any(map(any, seen[1]))
    assert seen[0] != seen[1]


def resends(monkeypatch, careless):
    """Let clients call `careless(client)` in the steps in which some agent of theirs returns, and in no others."""
    plain = Client.advance

    async def advance(self):
        before = self.private.state
        await plain(self)
        if ((before["stage"] == R) & (self.private.state["stage"] == S)).any():
            with contextlib.suppress(LpmError):
                await careless(self)

    monkeypatch.setattr(Client, "advance", advance)


def test_thresholds_sent_again_when_an_agent_may_be_infected_again_are_caught(world, manifest, record, monkeypatch):
    async def careless(client):
        words = client._own.first_words(client.private.state)
        await client.exchange.round(words, step=0, phase=Phase.THRESHOLDS)

    resends(monkeypatch, careless)
    one, other = two_worlds(world, manifest, record)
    assert one != other
