"""Runs in which each aggregator hears another start of a client: it is away in that round, and in no sum."""

import asyncio
import dataclasses
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.arithmetic.sharing.additive import KEY_BYTES, START_BYTES
from protocols.errors import ConflictingReplay, RoundClosed
from protocols.wire.messages import Share
from protocols.wire.transport import Transport
from tests.conformance.parity.test_absences import absences
from tests.conformance.parity.test_devices import as_devices
from tests.conformance.reference import reference
from tests.repetitions import repetitions

TIMES = {"join_timeout_s": 60.0, "round_timeout_s": 60.0, "min_cohort": 1}
KINDS = {
    "sum": {"mode": "sum", "k": 2},
    "sum-of-three": {"mode": "sum", "k": 3},
    "outcome": {"mode": "outcome", "k": 2},
    "outcome-of-three": {"mode": "outcome", "k": 3},
    "suppressed": {"mode": "outcome", "k": 2, "min_count": 3},
    "devices": {"mode": "outcome", "k": 2},
}


class HeardSecond(Transport):
    """Brings an aggregator, in some steps, what another start of the client shares before what this one does."""

    def __init__(self, inner, run, name, steps):
        self._inner, self._run, self._name, self._steps = inner, run, name, steps

    async def call(self, request, *, timeout_s):
        if not isinstance(request, Share) or request.step not in self._steps:
            return await self._inner.call(request, timeout_s=timeout_s)
        size = KEY_BYTES if self._run._sums.expands else request.share.nbytes  # a client may have no words in a round
        current = self._run.round
        other = dataclasses.replace(
            request, share=np.frombuffer(os.urandom(size), dtype=np.uint64), start=os.urandom(START_BYTES)
        )
        first = asyncio.ensure_future(self._inner.call(other, timeout_s=timeout_s))
        while self._name not in current.starts and not first.done():
            await asyncio.sleep(0)
        with pytest.raises(ConflictingReplay, match="another start of"):
            await self._inner.call(request, timeout_s=timeout_s)
        with pytest.raises(RoundClosed, match="heard, or from another start; go on with"):
            await first
        return await self._inner.call(request, timeout_s=timeout_s)


def check(data, testbed, run_private):
    planned = absences(data, testbed, most=3)
    if testbed.manifest.schedule.outcome:
        planned = {name: steps - {0} for name, steps in planned.items()}  # whoever is away then takes no part
    places = data.draw(st.sets(st.integers(0, len(testbed.manifest.aggregators) - 1), min_size=1), label="places")
    places -= {len(testbed.manifest.aggregators) - 1} if len(places) == len(testbed.manifest.aggregators) else set()

    def around(name, operators):
        ways = zip(operators.transports(name), operators.runs, strict=True)
        return [
            HeardSecond(inner, run, name, planned[name] if place in places else set())
            for place, (inner, run) in enumerate(ways)
        ]

    ending = run_private(testbed, around)
    assert {name: set(steps) for name, steps in ending.missed.items()} == planned
    outcome = testbed.manifest.schedule.outcome
    state, counts = reference(testbed, planned, planned if outcome else None)
    told = {name: values.tolist() for name, values in ending.state.items() if not (outcome and name == "hazard")}
    assert told == {name: state[name] for name in told}
    if testbed.manifest.engine:
        assert ending.series.counts.tolist() == counts


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=repetitions(3))
@given(data=st.data())
def test_a_client_of_which_aggregators_heard_two_starts_is_away_in_that_round(kind, data, testbeds, run_private):
    drawn = testbeds(**KINDS[kind], **TIMES)
    if kind == "devices":
        drawn = drawn.filter(lambda found: found.contacts.a.size > 0).map(as_devices)
    check(data, data.draw(drawn), run_private)
