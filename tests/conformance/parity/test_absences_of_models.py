"""Runs of models in which clients miss steps, against what each party would know, written without shares."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from client_sdk.private.state import simulation_key
from protocols.models.agent_model import AgentSource, Edges, StepInputs, decide
from tests.conformance.parity.conftest import EACH
from tests.conformance.parity.test_absences import Late
from tests.user_models import ENVIRONMENTS


def edges_of(testbed):
    """Return day, sender, receiver, channel and weight of every directed edge."""
    table, directed = testbed.contacts, np.array(testbed.manifest.model.agents.directed, dtype=bool)
    forth = np.stack([table.day, table.a, table.b, table.channel, table.weight])
    back = np.stack([table.day, table.b, table.a, table.channel, table.weight])
    return np.concatenate([forth, back[:, ~directed[table.channel]]], axis=1)


def heard(model, state, says, edges):
    """Return int64[n, c], the sums of what these edges carry."""
    total = np.zeros((says.shape[0], len(model.most)), dtype=np.int64)
    _, sender, receiver, channel, weight = edges
    np.add.at(total, (receiver, channel), model.messages_along(state, says, Edges(sender, channel, weight)))
    return total


def reference(testbed, missed, public, observe=lambda state, inputs: None, *, learnt=None, counted=None, heard_of=None):
    """Return the state of all private agents where client k misses both rounds of the steps `missed[k]`.

    Public numbers reach everybody, sooner or later. An observer is told of each step as clients know it. Of a client
    that ends in the middle of a step, other steps may be those in which it learns no totals (`heard_of`), tells nothing
    when levels are decided (`counted`), and learns no outcomes (`learnt`).
    """
    given = missed if heard_of is None else heard_of, missed if counted is None else counted
    heard_of, counted, learnt = *given, missed if learnt is None else learnt
    manifest = testbed.manifest
    model, edges = manifest.model.agents, edges_of(testbed)
    numbers = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
    owner = np.array([place for place, client in enumerate(manifest.clients) for _ in client.agents], dtype=np.int64)
    source, n, o = AgentSource(numbers, simulation_key(manifest.testbed_seed)), numbers.size, len(model.outcomes)
    sizes, field = np.array(manifest.cells, dtype=np.int64), model.cell_field
    state = model.initial_state(source, testbed.columns)
    own, told, waits = (np.zeros((n, o), dtype=np.int64) for _ in range(3))
    keep = np.array([outcome.keep for outcome in model.outcomes])
    at_once = np.array([not outcome.multiplies for outcome in model.outcomes])
    for step in range(manifest.steps):
        there, hears, decides, learns = (
            np.array([step not in absent[client.name] for client in manifest.clients], dtype=bool)[owner]
            for absent in (missed, heard_of, counted, learnt)
        )
        says, today = model.messages(state), edges[:, edges[0] == step % manifest.period]
        same = owner[today[1]] == owner[today[2]]
        within = heard(model, state, says, today[:, same])
        others = heard(model, state, says, today[:, ~same & there[today[1]]])
        if manifest.mode == "sum":  # clients are told all of it, and decide by themselves
            within, others = within + np.where(hears[:, None], others, 0), np.zeros_like(others)
        pressure, totals = np.zeros((n, o), dtype=np.int64), np.zeros((n, len(model.cell_most)), dtype=np.int64)
        cell = testbed.cell if field is None else state[field]
        if sizes.size:
            sums = np.zeros((len(model.cell_most), sizes.size), dtype=np.int64)
            for place in np.flatnonzero(there):
                sums[:, cell[place]] += says[place, len(model.most) :]
            pressure[hears] = model.pressure(sums.reshape(-1), sizes)[cell[hears]]
            totals[hears] = sums.T[cell[hears]]
        weights = model.weights(state)
        own = np.where(keep, own, 0) + model.increments(within, pressure) * weights
        grown = model.increments(others, np.zeros_like(pressure))
        told, waits = np.where(keep, told, 0) + np.where(at_once, grown, 0), np.where(keep, waits, 0) + grown
        told = told + np.where(decides[:, None] & ~at_once, waits * weights, 0)
        waits = np.where(decides[:, None], 0, waits)
        known = decide(model.outcomes, own + told, model.thresholds(state))
        bits = np.array([outcome.is_bit for outcome in model.outcomes])
        decided = np.where(learns[:, None], known, np.where(bits, 0, own))
        mixing = sizes[cell] if sizes.size else np.zeros(n, dtype=np.int64)
        numbers = {name: values[step] for name, values in public.items()}
        inputs = StepInputs(step, within, pressure, totals, mixing, decided, numbers)
        observe(state, inputs)
        state, anew = model.update(state, inputs, source)
        own, told = np.where(anew, 0, own), np.where(anew, 0, told)
    return state


ROUND_S = 0.4  # a client that is not meant to be late has so long


@pytest.mark.parametrize("name", EACH)
@settings(max_examples=2)
@given(data=st.data())
def test_whoever_misses_steps_goes_on_without_what_others_told(name, data, graph_testbeds, run_private):
    given_ = {"engine": name in ENVIRONMENTS, "round_timeout_s": 2 * ROUND_S, "join_timeout_s": 5.0, "min_cohort": 1}
    drawn = graph_testbeds(name, mode="outcome", k=2, **given_)
    testbed = data.draw(
        drawn.filter(
            lambda made: sum(bool(each.agents) for each in made.manifest.clients) > 1 and made.contacts.a.size > 0
        )
    )
    testbed = dataclasses.replace(testbed, synthetic=0)
    manifest = testbed.manifest
    late = data.draw(st.integers(0, len(manifest.clients) - 1))
    steps = data.draw(st.sets(st.integers(min(1, manifest.steps - 1), manifest.steps - 1), max_size=2)) - {0}
    planned = {client.name: steps if place == late else set() for place, client in enumerate(manifest.clients)}

    def around(name, operators):
        return [Late(inner, operators.runs, planned[name]) for inner in operators.transports(name)]

    ending = run_private(testbed, around)
    missed = {name: sorted(steps) for name, steps in ending.missed.items()}
    assert all(set(steps) <= set(missed[name]) for name, steps in planned.items())
    assume(missed == {name: sorted([*steps, *steps]) for name, steps in planned.items()})  # nobody else was late
    state = reference(testbed, planned, ending.series.public if ending.series else {})
    for field, values in state.items():
        np.testing.assert_array_equal(ending.state[field], values, err_msg=field)
