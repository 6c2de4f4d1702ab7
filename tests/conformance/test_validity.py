"""A client that leaves its ranges ends the round and the run for all alike, and nobody can see who it was.

The cheating client is a real one behind a transport that adds a number to one word of what it shares. Shares are
linear, so the last aggregator's share plus x is a share of the number plus x.
"""

import asyncio
import dataclasses

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.release.ledger import Ledger
from client_sdk import Client
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import OutOfRange
from protocols.identity import signing
from protocols.releases import ledger
from protocols.releases.ledger import RefusalEvent, RoundEvent
from protocols.task import manifest as manifests
from protocols.task.parties import ENGINE
from protocols.task.ranges import Ranges
from protocols.task.rounds import Phase
from protocols.wire.messages import Share
from protocols.wire.transport import Transport
from tests.conformance.reference import reference
from tests.epidemics import doses_of
from tests.repetitions import repetitions

SETTINGS = settings(max_examples=repetitions(6), suppress_health_check=[HealthCheck.too_slow])
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
SLOW = [pytest.param(each, 200, marks=pytest.mark.slow) for each in (Phase.THRESHOLDS, Phase.SPEAK, Phase.DECIDE)]


class Adds(Transport):
    """Adds numbers to words of chosen rounds on their way to the last aggregator."""

    def __init__(self, inner, lies):
        self._inner, self._lies = inner, lies

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share) and request.share.size:
            lie = self._lies.get((request.step, request.phase))
            if lie is not None:
                share = request.share.copy()
                share[[lie[0] % share.size]] += np.uint64(lie[1] % 2**64)
                request = dataclasses.replace(request, share=share)
        return await self._inner.call(request, timeout_s=timeout_s)


def around(lies):
    def transports(name, operators):
        return [Adds(inner, lies.get(name, {})) for inner in operators.transports(name)]

    return transports


def told(error):
    return None if error is None else (type(error), str(error))


def written(path):
    """Return what a ledger says, without digests of shares, which are random words."""
    events = ledger.load(path, signing.public_of(KEY))
    return [(e.agreed.number, e.agreed.members, e.absent) if isinstance(e, RoundEvent) else e for e in events]


def ending(testbed, operators_of, lies, folder):
    """Run to the end, and return all that anybody sees of it: errors of clients and engine, ledgers; and releases."""
    manifest, k = testbed.manifest, len(testbed.manifest.aggregators)
    paths, released = [folder / f"{party.name}.jsonl" for party in manifest.aggregators], []
    for path in paths:
        path.unlink(missing_ok=True)
    books = [
        Ledger(path, run=manifests.run_id(manifest), name=party.name, key=KEY)
        for path, party in zip(paths, manifest.aggregators, strict=True)
    ]

    async def client(name, operators):
        joined = await Client.join(manifest, testbed.private_state(name), around(lies)(name, operators))
        await joined.run()

    async def engine(operators):
        part = RemotePart(manifest, operators.transports(ENGINE))
        synthetic = testbed.synthetic_agents(torch.device("cpu"))
        await simulate(manifest, part, synthetic, on_step=lambda step, release: released.append(step))

    async def everybody():
        with operators_of(manifest, ledgers=books) as operators:
            parties = [client(party.name, operators) for party in manifest.clients]
            return await asyncio.gather(
                *parties, *([engine(operators)] if manifest.engine else []), return_exceptions=True
            )

    errors = asyncio.run(everybody())
    ledgers = [written(path) for path in paths]
    assert all(each == ledgers[0][1:] for each in [one[1:] for one in ledgers[:k]])  # the first line names who writes
    return [told(error) for error in errors], ledgers[0][1:], released


def small(manifest_of, seir, **changes):
    """Return three clients of which one has a single agent; max_message 3, so 3, 6 and 6 are its bounds."""
    given = {"mode": "outcome", "model": seir(initial=2**31), "max_message": 3, "cells": (5, 5), "steps": 3}
    manifest = manifest_of([(1,), (2, 3), (4, 5)], **given | changes)
    table = ContactTable(*np.array([[0, 0, 1, 0, 3], [0, 1, 3, 0, 2], [0, 2, 4, 0, 1]], dtype=np.int64).T)
    cell = np.array([0, 0, 1, 1, 0]) if manifest.cells else np.zeros(0, dtype=np.int64)
    return Testbed(manifest, table, cell, 0, "made up", True)


def ends_alike(testbed, found, *, step, number):
    """Check that a run ended in one step, with one error for everybody."""
    errors, events, _ = found
    said = (
        f"somebody shared a number outside of the manifest's ranges in step {step}; nothing of this round counted, "
        "and the run ends; this build cannot tell who it was"
    )
    assert errors == [(OutOfRange, said)] * (len(testbed.manifest.clients) + testbed.manifest.engine)
    assert events[-1] == RefusalEvent(number, "out-of-range", said)
    assert sum(isinstance(event, RefusalEvent) for event in events) == 1


CELLS, TALLY = 5, 7  # where these begin in the vector: 5 agents, 2 cells, 4 stages
LIES = {
    "more than a client can say": (1, 4),
    "less than nothing": (1, -4),
    "a lot": (1, 2**40),
    "a message to its own agent": (0, 1),
    "a number whose square is zero": (1, 2**32),
    "more ill people in a cell than it has": (CELLS, 2),
    "fewer than none in a cell": (CELLS + 1, -1),
    "one agent more than it has": (TALLY, 1),
    "an agent in two stages": (TALLY + 3, 1),
    "one agent less than it has": (TALLY + 3, -1),
    "a cell of nearly the ring": (CELLS, 2**63),
}


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_each_lie_out_of_range_ends_the_run_for_all_alike(lie, k, manifest_of, seir, operators_of, tmp_path):
    testbed = small(manifest_of, seir, k=k, engine=True)
    found = ending(testbed, operators_of, {"client-0": {(1, Phase.SPEAK): lie}}, tmp_path)
    ends_alike(testbed, found, step=1, number=testbed.manifest.schedule.number(1, Phase.SPEAK))
    assert found[2] == [0]  # nothing of step 1 was released


@pytest.mark.parametrize(("phase", "runs"), [(Phase.THRESHOLDS, 8), (Phase.SPEAK, 8), (Phase.DECIDE, 8), *SLOW])
def test_whoever_is_out_of_range_and_by_how_much_the_ending_is_the_same(
    phase, runs, manifest_of, seir, operators_of, tmp_path
):
    """Exact: all runs of both worlds end in the same texts, at every client, the engine and every aggregator."""
    testbed = small(manifest_of, seir, engine=True, steps=1)
    draw = np.random.default_rng(3)
    worlds = {"client-0": [], "others": []}
    for _ in range(runs):
        small_lie = {"client-0": {(0, phase): (1, 2**62)}}
        by, other = int(draw.integers(2**50, 2**63)), f"client-{draw.integers(1, 3)}"
        for name, lies in (("client-0", small_lie), ("others", {other: {(0, phase): (int(draw.integers(100)), by)}})):
            worlds[name].append(repr(ending(testbed, operators_of, lies, tmp_path)))
    assert set(worlds["client-0"]) == set(worlds["others"])
    assert len(set(worlds["others"])) == 1
    assert "OutOfRange" in worlds["others"][0]


@pytest.mark.parametrize("lie", [2**62, -(2**62), 2**63], ids=["high", "negative", "the sign"])
def test_an_own_hazard_out_of_range_ends_the_run(lie, manifest_of, seir, operators_of, tmp_path):
    testbed = small(manifest_of, seir)
    found = ending(testbed, operators_of, {"client-1": {(1, Phase.DECIDE): (0, lie)}}, tmp_path)
    ends_alike(testbed, found, step=1, number=testbed.manifest.schedule.number(1, Phase.DECIDE))


OWN_LIES = {
    "a threshold above all hazards": (1, 2**62),
    "a negative threshold": (1, -(2**62)),
    "begins anew twice": (2, 2),
    "begins anew minus once": (2, -2),
    "weighs too much": (3, 512),
    "weighs less than nothing": (3, -512),
}


@pytest.mark.parametrize("lie", OWN_LIES.values(), ids=OWN_LIES)
def test_what_is_told_beside_own_hazards_is_checked_too(lie, manifest_of, seir, operators_of, tmp_path):
    model = seir(initial=2**31, waning=(2**32,), doses=doses_of(1, 2, 2**31, 64), f=24, beta=(2**20,))
    testbed = small(manifest_of, seir, model=model, cells=(), steps=6)
    found = ending(testbed, operators_of, {"client-1": {(4, Phase.DECIDE): lie}}, tmp_path)
    ends_alike(testbed, found, step=4, number=testbed.manifest.schedule.number(4, Phase.DECIDE))


def test_a_threshold_out_of_range_ends_the_run(manifest_of, seir, operators_of, tmp_path):
    testbed = small(manifest_of, seir)
    found = ending(testbed, operators_of, {"client-1": {(0, Phase.THRESHOLDS): (0, 2**62)}}, tmp_path)
    ends_alike(testbed, found, step=0, number=0)


def test_messages_in_the_closing_round_end_the_run(manifest_of, seir, operators_of, tmp_path):
    testbed = small(manifest_of, seir)
    found = ending(testbed, operators_of, {"client-0": {(3, Phase.SPEAK): (1, 1)}}, tmp_path)
    ends_alike(testbed, found, step=3, number=testbed.manifest.schedule.number(3, Phase.SPEAK))


def test_switched_off_by_name_a_lie_counts(manifest_of, seir, operators_of, tmp_path):
    testbed = small(manifest_of, seir, validity="off")
    lies = {"client-0": {(1, Phase.SPEAK): LIES["a cell of nearly the ring"]}}
    assert ending(testbed, operators_of, lies, tmp_path)[0] == [None] * 3


@SETTINGS
@given(data=st.data())
def test_what_honest_clients_say_is_always_in_range(data, testbeds, run_private):
    testbed = data.draw(testbeds(mode="outcome", min_cohort=1))
    private = run_private(testbed)
    state, counts = reference(testbed, _nobody(testbed), _nobody(testbed))
    for field in state.keys() - {"hazard"}:
        assert private.state[field].tolist() == state[field], field
    assert private.series is None or private.series.counts.tolist() == counts


def _nobody(testbed):
    return {client.name: set() for client in testbed.manifest.clients}


def test_the_ranges_are_as_narrow_as_bits_allow(manifest_of, seir):
    testbed = small(manifest_of, seir)
    ranges = Ranges(testbed.manifest)
    bits = ranges.bits("client-1", 1)
    assert bits[:5].tolist() == [3, 0, 0, 3, 3]  # 2 agents say 6 at most; nothing to themselves
    assert bits[5:].tolist() == [2] * 12 + [0]
