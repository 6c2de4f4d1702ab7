"""Runs in which clients miss steps, against an epidemic written once more, in loops over plain Python integers."""

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.wire.messages import Share
from protocols.wire.transport import Transport
from tests.conformance.reference import reference
from tests.repetitions import repetitions

ROUND_S = 0.15


class Late(Transport):
    """Brings the shares of some steps only when their rounds have closed everywhere."""

    def __init__(self, inner, runs, steps):
        self._inner, self._runs, self._steps = inner, runs, steps

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share) and request.step in self._steps:
            while any(run.round.step <= request.step for run in self._runs):
                await asyncio.sleep(0.002)
        return await self._inner.call(request, timeout_s=timeout_s)


def check(testbed, planned, run_private):
    def around(name, operators):
        return [Late(inner, operators.runs, planned[name]) for inner in operators.transports(name)]

    ending = run_private(testbed, around)
    for name, steps in planned.items():
        assert steps <= set(ending.missed[name])
    state, counts = reference(testbed, ending.missed)
    assert {name: values.tolist() for name, values in ending.state.items()} == state
    if testbed.manifest.engine:
        assert ending.series.counts.tolist() == counts


@settings(max_examples=repetitions(30))
@given(data=st.data())
def test_the_clear_run_equals_the_reference_in_plain_python(data, testbeds, run_clear):
    testbed = data.draw(testbeds())
    clear = run_clear(testbed)
    state, counts = reference(testbed, defaultdict(set))
    assert {name: values.tolist() for name, values in clear.state.items()} == state
    assert clear.series.counts.tolist() == counts


def absences(data, testbed, *, most):
    """Draw which clients miss which steps; the first one that has agents never does, so that every round has some."""
    planned = {client.name: set() for client in testbed.manifest.clients}
    stays = next((client.name for client in testbed.manifest.clients if client.agents), "client-0")
    steps = data.draw(st.sets(st.integers(0, testbed.manifest.steps), max_size=most), label="steps")
    for step in sorted(steps):
        for name in data.draw(st.sets(st.sampled_from(sorted(planned))), label=f"absent in {step}"):
            if name != stays:
                planned[name].add(step)
    return planned


def drawn(data, testbeds, *, most):
    testbed = data.draw(testbeds(join_timeout_s=ROUND_S, round_timeout_s=ROUND_S, min_cohort=1))
    return testbed, absences(data, testbed, most=most)


@settings(max_examples=repetitions(12))
@given(data=st.data())
def test_a_client_that_misses_steps_neither_speaks_nor_hears_in_them(data, testbeds, run_private):
    testbed, planned = drawn(data, testbeds, most=3)
    check(testbed, planned, run_private)


@pytest.mark.slow
@settings(max_examples=100)
@given(data=st.data())
def test_many_clients_that_miss_many_steps_neither_speak_nor_hear_in_them(data, testbeds, run_private):
    testbed, planned = drawn(data, testbeds, most=8)
    check(testbed, planned, run_private)
