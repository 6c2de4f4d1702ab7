"""An engine that announces other numbers than it may: the run ends for all alike, and nobody moves on by them.

The liar is a real engine behind transports that change what it announces; with it, where that is said, aggregators.
"""

import asyncio
import dataclasses

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.release.ledger import Ledger
from client_sdk import Client
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import AnnouncementsDiffer, OutOfRange, PartiesDisagree, Unavailable, WrongLength
from protocols.identity import signing
from protocols.models.graph.agents import GraphModel
from protocols.releases import ledger
from protocols.releases.ledger import RefusalEvent, RoundEvent
from protocols.task import manifest as manifests
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.wire.messages import Announcement, Join, JoinReply, RoundResult
from protocols.wire.transport import Transport
from tests.user_models import ENVIRONMENTS, MODELS

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
WHEN = 1  # the step of the lie
CELLS = 2


class Changed(Transport):
    """Changes what is asked, or what is answered."""

    def __init__(self, inner, *, asked=lambda request: request, answered=lambda request, reply: reply):
        self._inner, self._asked, self._answered = inner, asked, answered

    async def call(self, request, *, timeout_s):
        request = self._asked(request)
        return self._answered(request, await self._inner.call(request, timeout_s=timeout_s))


def announces(change):
    """Return what changes the announcement of one step."""

    def asked(request):
        if isinstance(request, Announcement) and request.step == WHEN:
            return dataclasses.replace(request, synthetic=change(request.synthetic.copy()))
        return request

    return asked


def setting(place, number):
    """Return what sets one word: of cell totals first, then of the closure and the weather."""

    def change(words):
        words[place] = number
        return words

    return announces(change)


def made(manifest_of, mode, k, **changes):
    traced = trace(MODELS["closures"])
    model = GraphModel(traced.graph, dict(traced.parameters))
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "mode": mode, "k": k}
    given |= {"engine": True, "cells": (5, 5), "steps": 3, "max_message": 9} | changes
    manifest = manifest_of([(1,), (2, 3), (4, 5)], **given)
    table = ContactTable(*np.array([[0, 0, 1, 0, 3], [0, 1, 3, 0, 2], [0, 2, 4, 0, 1]], dtype=np.int64).T)
    columns = {"tolerance": np.ones(5, dtype=np.int64)}
    cell = np.array([0, 0, 1, 1, 0])
    return Testbed(manifest, table, cell, 0, "made up", True, columns=columns, environment=ENVIRONMENTS["closures"])


def ending(testbed, operators_of, lies, folder, *, answered=lambda request, reply: reply):
    """Run to the end, and return everybody's error, the engine's last; what ledgers say; and the clients' steps.

    Args:
        lies: of each aggregator, what it is asked in place of what an honest engine asks.
        answered: what clients hear in place of an aggregator's answer.
    """
    manifest = testbed.manifest
    paths = [folder / f"{party.name}.jsonl" for party in manifest.aggregators]
    books = [
        Ledger(path, run=manifests.run_id(manifest), name=party.name, key=KEY)
        for path, party in zip(paths, manifest.aggregators, strict=True)
    ]
    clients = []

    async def client(name, operators):
        transports = [Changed(inner, answered=answered) for inner in operators.transports(name)]
        joined = await Client.join(manifest, testbed.private_state(name), transports)
        clients.append(joined)
        await joined.run()

    async def engine(operators):
        honest = operators.transports(ENGINE)
        part = RemotePart(manifest, [Changed(one, asked=lie) for one, lie in zip(honest, lies, strict=True)])
        agents = testbed.synthetic_agents(torch.device("cpu"))
        await simulate(manifest, part, agents, environment=testbed.new_environment())

    async def everybody():
        with operators_of(manifest, ledgers=books) as operators:
            parties = [client(party.name, operators) for party in manifest.clients]
            return await asyncio.gather(*parties, engine(operators), return_exceptions=True)

    errors = asyncio.run(everybody())
    events = [ledger.load(path, signing.public_of(KEY)) for path in paths]
    return errors, events, {each.step for each in clients}


def honest(request):
    return request


def refused(events):
    """Return why a ledger says that the run ended, and the steps in which agents had spoken by then."""
    last = events[-1]
    assert isinstance(last, RefusalEvent)
    return last.code, [e.agreed.step for e in events if isinstance(e, RoundEvent) and e.agreed.phase == Phase.SPEAK]


BOTH = pytest.mark.parametrize(("mode", "k"), [("outcome", 2), ("outcome", 3), ("sum", 2), ("sum", 3)])


@BOTH
@pytest.mark.parametrize("number", [2, -1, 2**62])
def test_a_number_out_of_range_ends_the_run_for_all_alike(manifest_of, operators_of, tmp_path, mode, k, number):
    lies = [setting(CELLS, number)] * k
    errors, events, steps = ending(made(manifest_of, mode, k), operators_of, lies, tmp_path)
    said = f"the engine announced closure = {number} in step {WHEN}; it must lie in [0, 1], so the run ends"
    assert {(type(error), str(error)) for error in errors} == {(OutOfRange, said)}
    assert [refused(each) for each in events] == [("out-of-range", list(range(WHEN)))] * k
    assert steps == {WHEN}


@BOTH
def test_a_number_out_of_range_that_one_aggregator_is_told_ends_the_run_for_all(
    manifest_of, operators_of, tmp_path, mode, k
):
    lies = [*[honest] * (k - 1), setting(CELLS + 1, 6)]
    errors, events, steps = ending(made(manifest_of, mode, k), operators_of, lies, tmp_path)
    assert {type(error) for error in errors} == {OutOfRange}
    assert {refused(each)[0] for each in events} == {"out-of-range"}
    assert steps == {WHEN}


@BOTH
@pytest.mark.parametrize(("place", "number"), [(CELLS, 1), (CELLS + 1, -4), (0, 1)])
def test_different_numbers_to_different_aggregators_end_the_run_for_all(
    manifest_of, operators_of, tmp_path, mode, k, place, number
):
    lies = [setting(place, number), *[setting(place, 0)] * (k - 1)]
    errors, events, steps = ending(made(manifest_of, mode, k), operators_of, lies, tmp_path)
    assert {type(error) for error in errors} == {AnnouncementsDiffer}
    assert {refused(each)[0] for each in events} == {"announcements-differ"}
    assert [refused(each)[1] for each in events] == [list(range(WHEN))] * k  # nothing was opened of the step
    assert steps == {WHEN}


@pytest.mark.parametrize("mode", ["outcome", "sum"])
@pytest.mark.parametrize("change", [lambda words: words[:-1], lambda words: np.append(words, 0)])
def test_too_few_or_too_many_numbers_are_not_taken(manifest_of, operators_of, tmp_path, mode, change):
    testbed = made(manifest_of, mode, 2, round_timeout_s=0.1)
    errors, _, steps = ending(testbed, operators_of, [announces(change)] * 2, tmp_path)
    assert isinstance(errors[-1], WrongLength)
    assert "totals of 2 cells and 2 public numbers are needed" in str(errors[-1])
    assert {type(error) for error in errors[:-1]} == {Unavailable}
    assert steps == {WHEN}


def test_a_client_checks_what_engine_and_aggregators_say_together(manifest_of, operators_of, tmp_path):
    def answered(request, reply):
        if isinstance(reply, RoundResult) and reply.phase == Phase.SPEAK and reply.step == WHEN:
            words = reply.synthetic.copy()
            words[CELLS] = 7
            return dataclasses.replace(reply, synthetic=words)
        return reply

    testbed = made(manifest_of, "sum", 2, round_timeout_s=0.1)
    errors, _, steps = ending(testbed, operators_of, [honest] * 2, tmp_path, answered=answered)
    assert {type(error) for error in errors[:-1]} == {OutOfRange}
    assert steps == {WHEN}


def test_the_numbers_stand_in_every_ledger_alike(manifest_of, operators_of, tmp_path):
    errors, events, _ = ending(made(manifest_of, "outcome", 2), operators_of, [honest] * 2, tmp_path)
    assert errors == [None] * 4
    one, other = ([e.agreed.public for e in each if isinstance(e, RoundEvent)] for each in events)
    assert one == other
    spoken = [numbers for numbers in one if numbers]
    assert [each.keys() for each in spoken] == [{"closure", "weather"}] * 4
    assert spoken[0] == {"closure": 0, "weather": 2}


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda at, told: (*told[:-1], told[-1] - at), PartiesDisagree, "told different public numbers from step 0 on"),
        (lambda at, told: told[:-1], PartiesDisagree, "told different public numbers from step 0 on"),
        (lambda at, told: (9, *told[1:]), OutOfRange, "closure = 9 in step 0"),
        pytest.param(lambda at, told: (), Unavailable, "has no public numbers of step 1", marks=pytest.mark.slow),
    ],
)
def test_lies_about_numbers_that_a_client_missed_are_found(manifest_of, operators_of, change, kind, said):
    testbed = made(manifest_of, "sum", 2, round_timeout_s=0.1, join_timeout_s=0.1)
    manifest = testbed.manifest

    async def act():
        with operators_of(manifest) as operators:
            engine = RemotePart(manifest, operators.transports(ENGINE))
            first = await Client.join(manifest, testbed.private_state("client-1"), operators.transports("client-1"))
            for step in range(2):
                words = np.array([0, 0, 0, 3], dtype=np.int64)
                await asyncio.gather(engine.advance(step, words), first.advance())

            def lie(at):
                def answered(request, reply):
                    asks = isinstance(request, Join) and request.since is not None
                    return JoinReply(reply.step, change(at, reply.public)) if asks else reply

                return answered

            late = [Changed(inner, answered=lie(at)) for at, inner in enumerate(operators.transports("client-0"))]
            with pytest.raises(kind, match=said):
                await Client.join(manifest, testbed.private_state("client-0"), late)

    asyncio.run(act())
