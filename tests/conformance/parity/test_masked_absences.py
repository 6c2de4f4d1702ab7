"""Masked runs whose clients end in the middle and come back equal, bit for bit, what each party would then know."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk import Client
from lpm_secure.engine.loop import simulate
from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.masking.messages import SeedNotice, WordsNotice
from protocols.task.rounds import Phase
from tests.conformance.parity.conftest import ALL
from tests.conformance.parity.test_absences_of_models import reference
from tests.masked_runs import start_again
from tests.user_models import ENVIRONMENTS

MOMENTS = ("before it is sent", "before it is answered", "before the answer is written down")
FEW = ("library-seirs", "lenders")  # levels that begin anew, and private weights
NAMES = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)]
ROUND_S = 1.5


class Killed(Exception):
    """A client's process has ended."""


class Dying:
    """A client's way to the aggregators, on which its process ends once in a round."""

    def __init__(self, inner, number, moment):
        self._inner, self._number, self._moment = inner, number, moment
        self.join, self.hand, self.stop = inner.join, inner.hand, inner.stop

    async def exchange(self, envelope, *, step, rounds=1):
        message = msgspec.msgpack.decode(envelope.content, type=WordsNotice | SeedNotice)
        if isinstance(message, SeedNotice) or message.number != self._number:
            return await self._inner.exchange(envelope, step=step, rounds=rounds)
        if self._moment == MOMENTS[0]:
            raise Killed
        asked = asyncio.ensure_future(self._inner.exchange(envelope, step=step, rounds=rounds))
        if self._moment == MOMENTS[1]:
            await asyncio.sleep(0.01)
            asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        raise Killed


async def live(testbed, parties, name, ends):
    """Be a client, which is started again from its journal whenever its process ends."""
    while True:
        exchange = parties.exchange(name)
        number, moment = ends[0] if ends else (-1, "")
        exchange.channel = Dying(exchange.channel, number, moment)
        try:
            client = await Client.join_over(testbed.manifest, testbed.private_state(name), exchange)
            await client.run()
        except Killed:
            ends = ends[1:]
            parties.run.clients[name] = start_again(parties.run, name)
        else:
            return client


def play(testbed, plan):
    """Play a run in which client's processes end as planned; return series, clients and parties."""
    import torch

    run, manifest = MaskedRun.draw(testbed.manifest), testbed.manifest

    async def everybody():
        with start_parties(run) as parties:
            clients = [live(testbed, parties, party.name, plan.get(party.name, [])) for party in manifest.clients]
            if not manifest.engine:
                return None, await asyncio.gather(*clients)
            synthetic = testbed.synthetic_agents(torch.device("cpu"))
            environment = testbed.new_environment()
            series, *ended = await asyncio.gather(
                simulate(manifest, parties.engine, synthetic, environment=environment), *clients
            )
            return series, ended

    return *asyncio.run(everybody()), run


def absences(run):
    """Return of each client in which steps it did not speak, heard nothing, decided nothing, and learnt nothing."""
    schedule, attendance = run.plan.manifest.schedule, run.aggregators[0]._membership.attendance

    def steps(phase, holds):
        every = range(run.plan.manifest.steps if phase == Phase.SPEAK or schedule.outcome else 0)
        return {
            name: {step for step in every if not holds(name, schedule.number(step, phase))} for name in run.plan.names
        }

    def counts(name, number):
        return number in attendance.rounds_of(name, schedule.rounds)

    def is_answered(name, number):
        return run.clients[name].journal.entry(f"answer {number}") is not None

    return [steps(phase, holds) for holds in (counts, is_answered) for phase in (Phase.SPEAK, Phase.DECIDE)]


def check(testbed, plan):
    series, clients, run = play(testbed, plan)
    spoke, counted, heard, learnt = absences(run)
    public = series.public if series else {}
    state = reference(testbed, spoke, public, heard_of=heard, counted=counted, learnt=learnt)
    for field, values in state.items():
        private = np.concatenate([client.private.state[field] for client in clients])
        np.testing.assert_array_equal(private, values, err_msg=field)
    for client in clients:
        name = client.private.name
        assert set(client.missed) >= heard[name] | learnt[name]
        assert run.clients[name].seed.source.counter >= 1 + len(plan.get(name, []))
    assert not any(party.ending for party in (*run.aggregators, run.dealer))
    return counted, learnt


def drawn(data, graph_testbeds, name, mode="outcome"):
    fixed = {"engine": name in ENVIRONMENTS, "round_timeout_s": ROUND_S, "join_timeout_s": 5.0, "min_cohort": 1}
    made = graph_testbeds(name, mode=mode, k=2, security="active", **fixed)
    testbed = data.draw(
        made.filter(
            lambda each: (
                sum(bool(client.agents) for client in each.manifest.clients) > 1
                and each.contacts.a.size > 0
                and each.manifest.steps > 2
            )
        )
    )
    testbed = dataclasses.replace(testbed, synthetic=0)
    late = data.draw(st.sampled_from([client.name for client in testbed.manifest.clients if client.agents]))
    schedule = testbed.manifest.schedule
    rounds = st.integers(int(schedule.outcome), schedule.rounds - 2)
    ends = data.draw(st.lists(st.tuples(rounds, st.sampled_from(MOMENTS)), min_size=1, max_size=2))
    return testbed, {late: sorted(ends)}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=2)
@given(data=st.data())
def test_a_client_that_comes_back_goes_on_as_if_it_had_been_away(name, data, graph_testbeds):
    check(*drawn(data, graph_testbeds, name))


@pytest.mark.parametrize(
    "name", [each if each == "library-seirs" else pytest.param(each, marks=pytest.mark.slow) for each in sorted(ALL)]
)
@settings(max_examples=2)
@given(data=st.data())
def test_in_sum_mode_too_a_client_that_comes_back_goes_on_as_if_it_had_been_away(name, data, graph_testbeds):
    check(*drawn(data, graph_testbeds, name, mode="sum"))
