"""Clients of semi-honest runs that end at drawn calls and go on from their journals: the bits of a run without it."""

import asyncio
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from lpm_secure.engine.loop import RemotePart, simulate
from lpm_secure.gradients.private.tangents import simulate_tangents, synthetic_part
from protocols.errors import WouldWrap
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan
from tests.client_restarts import MOMENTS, FragileClient, absences
from tests.conformance.parity import test_absences_of_models, test_tangents
from tests.conformance.parity.conftest import ALL, has_holders
from tests.conformance.parity.test_devices import as_devices
from tests.conformance.parity.test_runs import same_state
from tests.repetitions import repetitions

CPU = torch.device("cpu")
TIMES = {"join_timeout_s": 60.0, "round_timeout_s": 60.0}
ROUND_S = 0.4
FEW = ("library-seirs", "lenders")  # levels that begin anew, and private weights
NAMES = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)]
PLACES = st.dictionaries(st.integers(0, 60), st.sampled_from(MOMENTS), max_size=6)


def play(testbed, operators_of, plan, *, pause=None, drive=None):
    """Play a run in which clients' processes end as planned; return the series, and clients by name."""
    manifest = testbed.manifest

    async def engine(operators):
        if not manifest.engine:
            return None
        part = RemotePart(manifest, operators.transports(ENGINE))
        if drive is not None:
            return await drive(part)
        return await simulate(manifest, part, testbed.synthetic_agents(CPU), environment=testbed.new_environment())

    async def everybody():
        with operators_of(manifest) as operators:
            clients = {
                name: FragileClient(
                    manifest,
                    name,
                    lambda name=name: testbed.private_state(name),
                    operators.transports(name),
                    plan.get(name, {}),
                    None if pause is None else lambda: pause(operators),
                )
                for name in (party.name for party in manifest.clients)
            }
            series, *ended = await asyncio.gather(engine(operators), *(each.run() for each in clients.values()))
            return series, ended, clients

    return asyncio.run(everybody())


def drawn(data, testbed):
    return {party.name: data.draw(PLACES, label=party.name) for party in testbed.manifest.clients}


def check(testbed, operators_of, run_clear, plan):
    try:
        series, ended, clients = play(testbed, operators_of, plan)
    except WouldWrap:  # refused: private weights times drawn contacts may be beyond the ring
        reject()
    clear = run_clear(testbed)
    state = {
        field: np.concatenate([client.private.state[field] for client in ended]) for field in ended[0].private.state
    }
    same_state(state, clear.state, but=("hazard",) if testbed.manifest.schedule.outcome else ())
    assert not any(client.missed for client in ended)
    if testbed.manifest.engine:
        assert series.hash == clear.series.hash
    return clients


@pytest.mark.parametrize("given_", [{}, {"mode": "outcome", "min_count": 3}], ids=["sum", "outcome"])
@settings(max_examples=repetitions(10))
@given(data=st.data())
def test_a_run_whose_clients_come_back_equals_the_clear_run(given_, data, testbeds, operators_of, run_clear):
    testbed = data.draw(testbeds(**given_, **TIMES))
    check(testbed, operators_of, run_clear, drawn(data, testbed))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=repetitions(3))
@given(data=st.data())
def test_a_model_whose_clients_come_back_equals_the_clear_run(name, data, graph_testbeds, operators_of, run_clear):
    testbed = data.draw(graph_testbeds(name, mode=data.draw(st.sampled_from(["sum", "outcome"])), **TIMES))
    check(testbed, operators_of, run_clear, drawn(data, testbed))


@settings(max_examples=repetitions(4))
@given(data=st.data())
def test_devices_that_come_back_have_the_same_slots(data, testbeds, operators_of, run_clear):
    testbed = data.draw(testbeds(mode="outcome", k=2, **TIMES).filter(lambda found: found.contacts.a.size > 0))
    testbed = as_devices(testbed, spare=1)
    check(testbed, operators_of, run_clear, drawn(data, testbed))


@settings(max_examples=repetitions(4))
@given(data=st.data())
def test_tangents_of_clients_that_come_back_are_those_of_clients_that_stayed(data, testbeds, operators_of):
    testbed = data.draw(testbeds())
    assume(has_holders(testbed))
    testbed = test_tangents.with_tangents(testbed, data, min_cohort=2, **TIMES)
    series, ended, _ = play(
        testbed,
        operators_of,
        drawn(data, testbed),
        drive=lambda part: simulate_tangents(
            testbed.manifest.relaxation, ReleasePlan.of(testbed.manifest), part, synthetic_part(testbed)
        ),
    )
    whole, agents = test_tangents.run_private(testbed, operators_of)
    assert series.counts.tobytes() == whole.counts.tobytes()
    assert [each.agents.tally().tobytes() for each in ended] == [each.tally().tobytes() for each in agents]


@settings(max_examples=repetitions(3))
@given(data=st.data())
def test_whoever_comes_back_late_knows_what_counted(data, graph_testbeds, operators_of):
    """Rounds close while a client is away: what it had told counts, or does not, and it goes on accordingly."""
    times = {"round_timeout_s": ROUND_S, "join_timeout_s": 5.0, "min_cohort": 1}
    testbed = data.draw(
        graph_testbeds("library-seirs", mode="outcome", engine=True, k=2, **times).filter(
            lambda made: sum(bool(each.agents) for each in made.manifest.clients) > 1
        )
    )
    testbed = dataclasses.replace(testbed, synthetic=0)
    name = data.draw(st.sampled_from([each.name for each in testbed.manifest.clients]))
    plan = {name: data.draw(st.dictionaries(st.integers(6, 30), st.sampled_from(MOMENTS), min_size=1, max_size=2))}
    rounds = data.draw(st.integers(1, 3))

    async def pause(operators):
        until = operators.runs[0].round.number + rounds
        while operators.runs[0].round.number < min(until, testbed.manifest.schedule.rounds):
            await asyncio.sleep(0.002)

    series, ended, clients = play(testbed, operators_of, plan, pause=pause)
    away = {each.name: absences(testbed.manifest, clients[each.name].journal) for each in testbed.manifest.clients}
    assume(not any(any(steps) for other, steps in away.items() if other != name))  # nobody else was late
    missed, heard_of, counted, learnt = ({each: steps[k] for each, steps in away.items()} for k in range(4))
    state = test_absences_of_models.reference(
        testbed, missed, series.public, heard_of=heard_of, counted=counted, learnt=learnt
    )
    for field, values in state.items():
        private = np.concatenate([client.private.state[field] for client in ended])
        np.testing.assert_array_equal(private, values, err_msg=field)
