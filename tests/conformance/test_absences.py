"""Runs in which clients miss steps, against an epidemic written once more, in loops over plain Python integers.

The reference knows nothing of vectors, shares, layouts or torch. It takes from the model only the state of day 0.
"""

import asyncio
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk.private_state import simulation_key
from lpm_secure.synthetic import SYNTHETIC_FROM, cells_of
from protocols.messages import Share
from protocols.wire.transport import Transport

S, E, I, R = range(4)  # noqa: E741
ROUND_S = 0.15


class Agent:
    """One agent of the reference."""

    def __init__(self, owner, cell, fields):
        self.owner, self.cell = owner, cell
        self.__dict__.update(fields)

    def update(self, hazard):
        """Move on by one day: those who wait get nearer to the end of it; those who are struck fall ill."""
        self.hazard += hazard
        if self.stage in (E, I):
            self.timer -= 1
            if self.timer == 0 and self.stage == E:
                self.stage, self.timer = I, self.infectious
            elif self.timer == 0:
                self.stage = R
        elif self.stage == S and self.hazard > self.tau:
            self.stage, self.timer = E, self.latent


def agents_of(manifest, numbers, cells, owners):
    """Return agents as they are on day 0."""
    start = manifest.model.initial_state(
        np.array(numbers, dtype=np.uint64), simulation_key(manifest), np.ones(len(numbers))
    )
    fields = {name: values.tolist() for name, values in start.items()}
    return [
        Agent(owner, cell, {name: values[index] for name, values in fields.items()})
        for index, (owner, cell) in enumerate(zip(owners, cells, strict=True))
    ]


def reference(testbed, missed):
    """Run a testbed in loops, where client c is away in the steps `missed[c]`.

    Returns:
        Field to list of all private agents, and the counts of every day.
    """
    manifest = testbed.manifest
    numbers = [agent for client in manifest.clients for agent in client.agents]
    owners = [client.name for client in manifest.clients for _ in client.agents]
    cells = testbed.cell.tolist() or [0] * len(numbers)
    private = agents_of(manifest, numbers, cells, owners)
    others = np.arange(testbed.synthetic, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM)
    cells = cells_of(others, manifest).tolist() or [0] * len(others)
    synthetic = agents_of(manifest, others, cells, [None] * len(others))
    table = testbed.contacts
    rows = list(zip(*(c.tolist() for c in (table.day, table.a, table.b, table.channel, table.weight)), strict=True))
    counts = []
    for step in range(manifest.steps + 1):
        here = {None} | {c.name for c in manifest.clients if step not in missed[c.name]}
        present = [[a for a in part if a.owner in here] for part in (private, synthetic)]
        counts.append([[sum(a.stage == q for a in part) for q in range(4)] for part in present])
        if step == manifest.steps:
            break
        totals = [
            sum(a.stage == I and a.cell == cell for part in present for a in part)
            for cell in range(len(manifest.cells))
        ]
        pressure = [
            manifest.model.cell_beta * min(total, size) // size
            for total, size in zip(totals, manifest.cells, strict=True)
        ]
        hazard = [pressure[a.cell] if pressure and a.owner in here else 0 for a in private]
        for day, a, b, channel, weight in rows:
            for sender, target in ((a, b), (b, a)) if day == step % manifest.period else ():
                one, two = private[sender], private[target]
                heard = one.owner == two.owner or {one.owner, two.owner} <= here
                if heard and one.stage == I:
                    hazard[target] += manifest.model.beta[channel] * weight
        for agent, increment in zip(private, hazard, strict=True):
            agent.update(increment)
        for agent in synthetic:
            agent.update(pressure[agent.cell] if pressure else 0)
    return {name: [getattr(a, name) for a in private] for name in manifest.model.model().fields}, counts


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


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_clear_run_equals_the_reference_in_plain_python(data, testbeds, run_clear):
    testbed = data.draw(testbeds())
    clear = run_clear(testbed)
    state, counts = reference(testbed, defaultdict(set))
    assert {name: values.tolist() for name, values in clear.state.items()} == state
    assert clear.series.counts.tolist() == counts


def absences(data, testbed, *, most):
    """Draw which clients miss which steps; the first client never does, so that every round has somebody."""
    planned = {client.name: set() for client in testbed.manifest.clients}
    steps = data.draw(st.sets(st.integers(0, testbed.manifest.steps), max_size=most), label="steps")
    for step in sorted(steps):
        for name in data.draw(st.sets(st.sampled_from(sorted(planned)[1:] or ["client-0"])), label=f"absent in {step}"):
            if name != "client-0":
                planned[name].add(step)
    return planned


def drawn(data, testbeds, *, most):
    testbed = data.draw(testbeds(join_timeout_s=ROUND_S, round_timeout_s=ROUND_S, min_cohort=1))
    return testbed, absences(data, testbed, most=most)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_client_that_misses_steps_neither_speaks_nor_hears_in_them(data, testbeds, run_private):
    testbed, planned = drawn(data, testbeds, most=3)
    check(testbed, planned, run_private)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_many_clients_that_miss_many_steps_neither_speak_nor_hear_in_them(data, testbeds, run_private):
    testbed, planned = drawn(data, testbeds, most=8)
    check(testbed, planned, run_private)
