"""A client that cheats is left out of the round and named; everybody else ends bit for bit as in the clear without it.

The cheating client is a real one behind a transport that adds a number to one word of what it shares. Shares are
linear, so the last aggregator's share plus x is a share of the number plus x.
"""

import logging
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.validity import Ranges
from client_sdk.contacts import ContactTable
from lpm_secure.testbed import Testbed
from protocols.errors import ShareRefused
from protocols.layout import Layout
from protocols.messages import Share
from protocols.schedule import Phase
from protocols.substeps.doses import Doses
from protocols.wire.transport import Transport
from tests.conformance.reference import reference

SETTINGS = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Adds(Transport):
    """Adds numbers to words of chosen rounds on their way to the last aggregator; notes what is refused."""

    def __init__(self, inner, lies, refusals):
        self._inner, self._lies, self._refusals = inner, lies, refusals

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share) and request.share.size:
            lie = self._lies.get((request.step, request.phase))
            if lie is not None:
                share = request.share.copy()
                share[[lie[0] % share.size]] += np.uint64(lie[1] % 2**64)
                request = Share(request.run_id, request.step, share, request.phase)
        try:
            return await self._inner.call(request, timeout_s=timeout_s)
        except ShareRefused:
            self._refusals.append((request.step, request.phase))
            raise


def around(lies, refusals):
    def transports(name, operators):
        return [Adds(inner, lies.get(name, {}), refusals[name]) for inner in operators.transports(name)]

    return transports


def same(ending, testbed, refusals):
    """Check that a run ended as the reference does when the refused clients are away in the refused rounds."""
    missed = {
        phase: {c.name: {step for step, at in refusals[c.name] if at == phase} for c in testbed.manifest.clients}
        for phase in Phase
    }
    for name, steps in ending.missed.items():
        assert sorted(steps) == sorted(step for step, _ in set(refusals[name]))  # nobody missed anything else
    state, counts = reference(testbed, missed[Phase.SPEAK], missed[Phase.DECIDE])
    for field in state.keys() - {"hazard"}:
        assert ending.state[field].tolist() == state[field], field
    if ending.series is not None:
        assert ending.series.counts.tolist() == counts


@SETTINGS
@given(data=st.data())
def test_a_run_with_cheating_clients_is_the_run_without_them_in_those_rounds(data, testbeds, run_private):
    testbed = data.draw(testbeds(mode="outcome", min_cohort=1))
    layout, steps = Layout.of(testbed.manifest), testbed.manifest.steps
    lies = defaultdict(dict)
    for client in testbed.manifest.clients[1:]:
        for step in sorted(data.draw(st.sets(st.integers(0, steps), max_size=2))):
            phase = data.draw(st.sampled_from([Phase.SPEAK, Phase.DECIDE] if step < steps else [Phase.SPEAK]))
            if layout.words(phase, client.name):
                by = data.draw(st.sampled_from([2**63, 2**62, 2**62 + 2**63]))  # no true number is near
                lies[client.name][step, phase] = data.draw(st.integers(0, 2**20)), by
    refusals = defaultdict(list)
    cheating = run_private(testbed, around(lies, refusals))
    same(cheating, testbed, refusals)
    assert {name: set(told) for name, told in refusals.items() if told} == {
        name: set(told) for name, told in lies.items() if told
    }


def small(manifest_of, seir, **changes):
    """Return three clients of which one has a single agent; max_message 3, so 3, 6 and 6 are its bounds."""
    manifest = manifest_of(
        [(1,), (2, 3), (4, 5)],
        mode="outcome",
        model=seir(initial=2**31),
        max_message=3,
        cells=(5, 5),
        steps=3,
        **changes,
    )
    table = ContactTable(*np.array([[0, 0, 1, 0, 3], [0, 1, 3, 0, 2], [0, 2, 4, 0, 1]], dtype=np.int64).T)
    return Testbed(manifest, table, np.array([0, 0, 1, 1, 0]), 0, "made up", True)


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
def test_each_lie_out_of_range_is_refused_and_named_at_every_aggregator(lie, k, manifest_of, seir, run_private, caplog):
    caplog.set_level(logging.WARNING)
    testbed = small(manifest_of, seir, k=k)
    refusals = defaultdict(list)
    cheating = run_private(testbed, around({"client-0": {(1, Phase.SPEAK): lie}}, refusals))
    assert set(refusals["client-0"]) == {(1, Phase.SPEAK)}
    assert {name for name, told in refusals.items() if told} == {"client-0"}
    named = [record.facts for record in caplog.records if record.getMessage() == "share refused"]
    assert named == [{"client": "client-0", "step": 1}] * k
    same(cheating, testbed, refusals)


@pytest.mark.parametrize("lie", [2**62, -(2**62), 2**63], ids=["high", "negative", "the sign"])
def test_an_own_hazard_out_of_range_is_refused(lie, manifest_of, seir, run_private):
    testbed = small(manifest_of, seir)
    refusals = defaultdict(list)
    cheating = run_private(testbed, around({"client-1": {(1, Phase.DECIDE): (0, lie)}}, refusals))
    assert set(refusals["client-1"]) == {(1, Phase.DECIDE)}
    same(cheating, testbed, refusals)


OWN_LIES = {
    "a threshold above all hazards": (1, 2**62),
    "a negative threshold": (1, -(2**62)),
    "begins anew twice": (2, 2),
    "begins anew minus once": (2, -2),
    "weighs too much": (3, 512),
    "weighs less than nothing": (3, -512),
}


@pytest.mark.parametrize("lie", OWN_LIES.values(), ids=OWN_LIES)
def test_what_is_told_beside_own_hazards_is_checked_too(lie, manifest_of, seir, run_private):
    model = seir(initial=2**31, waning=(2**32,), doses=Doses(1, 2, 2**31, 64), f=24, beta=(2**20,))
    manifest = manifest_of([(1,), (2, 3), (4, 5)], mode="outcome", model=model, max_message=3, steps=6)
    table = ContactTable(*np.array([[0, 0, 1, 0, 3], [0, 1, 3, 0, 2], [0, 2, 4, 0, 1]], dtype=np.int64).T)
    testbed = Testbed(manifest, table, np.zeros(0, dtype=np.int64), 0, "made up", True)
    refusals = defaultdict(list)
    ending = run_private(testbed, around({"client-1": {(4, Phase.DECIDE): lie}}, refusals))
    assert {name: set(told) for name, told in refusals.items() if told} == {"client-1": {(4, Phase.DECIDE)}}
    assert ending.missed == {"client-0": [], "client-1": [4], "client-2": []}


def test_a_threshold_out_of_range_keeps_the_client_out_of_the_run(manifest_of, seir, run_private):
    with pytest.raises(ShareRefused, match="client-1 shared a number out of range in step 0"):
        run_private(
            small(manifest_of, seir), around({"client-1": {(0, Phase.THRESHOLDS): (0, 2**62)}}, defaultdict(list))
        )


def test_messages_in_the_closing_round_are_refused(manifest_of, seir, run_private):
    refusals = defaultdict(list)
    run_private(small(manifest_of, seir), around({"client-0": {(3, Phase.SPEAK): (1, 1)}}, refusals))
    assert set(refusals["client-0"]) == {(3, Phase.SPEAK)}


def test_switched_off_by_name_a_lie_counts(manifest_of, seir, run_private):
    refusals = defaultdict(list)
    testbed = small(manifest_of, seir, validity="off")
    run_private(testbed, around({"client-0": {(1, Phase.SPEAK): LIES["a cell of nearly the ring"]}}, refusals))
    assert not refusals["client-0"]


@SETTINGS
@given(data=st.data())
def test_what_honest_clients_say_is_always_in_range(data, testbeds, run_private):
    testbed = data.draw(testbeds(mode="outcome"))
    refusals = defaultdict(list)
    run_private(testbed, around({}, refusals))
    assert not any(refusals.values())


def test_the_ranges_are_as_narrow_as_bits_allow(manifest_of, seir):
    testbed = small(manifest_of, seir)
    ranges = Ranges(testbed.manifest)
    bits = ranges.bits("client-1", 1)
    assert bits[:5].tolist() == [3, 0, 0, 3, 3]  # 2 agents say 6 at most; nothing to themselves
    assert bits[5:].tolist() == [2] * 12 + [0]
