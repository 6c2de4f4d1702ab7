"""Replicates: each of those that one private run makes has the bits of its own run, with its seed."""

import asyncio
import csv
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from client_sdk import Client
from client_sdk.simulation.record import RunRecord
from lpm_secure.engine.loop import RemotePart, simulate, simulate_replicates
from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import WouldWrap
from protocols.task.parties import ENGINE
from tests.conformance.parity import test_masked_absences as masked_absences
from tests.conformance.parity.conftest import ALL
from tests.conformance.parity.test_absences_of_models import reference
from tests.conformance.parity.test_late_joiners import LATE
from tests.conformance.parity.test_late_joiners import testbed as of_closures  # noqa: F401
from tests.conformance.test_noised_runs import CHOICES, STEPS, Replayed, fixed_keys, testbed_of  # noqa: F401

CPU = torch.device("cpu")
FEW = ("averaging", "closures", "crowds", "lenders", "library-seirs", "library-strains", "places")  # of every kind
EACH = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)]
MASKED = [
    name if name in ("library-seirs", "opinion") else pytest.param(name, marks=pytest.mark.slow) for name in sorted(ALL)
]


def with_replicates(testbed, copies, **changes):
    seed = min(testbed.manifest.testbed_seed, 2**62)
    manifest = msgspec.structs.replace(testbed.manifest, replicates=copies, testbed_seed=seed, **changes)
    return type(testbed)(**{name: getattr(testbed, name) for name in testbed.__slots__} | {"manifest": manifest})


async def everybody(testbed, engine, join, *, observers=None):
    """Run clients and, where there is one, the engine; return the series of each replicate, and the clients."""

    async def one(name):
        client = await join(name)
        await client.run(*([observers[name].observe] if observers else []))
        return client

    async def drive():
        if testbed.manifest.engine:
            each = testbed.replicates
            synthetic, public = [own.synthetic_agents(CPU) for own in each], [own.new_environment() for own in each]
            return await simulate_replicates(testbed.manifest, engine, synthetic, public)
        return ()

    series, *clients = await asyncio.gather(drive(), *(one(party.name) for party in testbed.manifest.clients))
    return SimpleNamespace(series=series, clients=clients)


def run_replicates(testbed, operators_of, late=()):
    async def play():
        with operators_of(testbed.manifest) as started:

            async def join(name):
                while name in late and started.runs[0].round.step < LATE:
                    await asyncio.sleep(0.002)
                return await Client.join(testbed.manifest, testbed.private_state(name), started.transports(name))

            return await everybody(testbed, RemotePart(testbed.manifest, started.transports(ENGINE)), join)

    return asyncio.run(play())


def run_masked(testbed):
    run = MaskedRun.draw(testbed.manifest)

    async def play():
        with start_parties(run) as parties:

            def join(name):
                return Client.join_over(testbed.manifest, testbed.private_state(name), parties.exchange(name))

            return await everybody(testbed, parties.engine, join)

    return asyncio.run(play())


def check(testbed, private, run_clear):
    copies = testbed.manifest.copies
    for copy, own in enumerate(testbed.replicates):
        clear = run_clear(own)
        for field, values in clear.state.items():
            each = np.concatenate([client.private.state[field] for client in private.clients])
            np.testing.assert_array_equal(each[copy::copies], values, err_msg=f"{field} of replicate {copy}")
        if testbed.manifest.engine:
            np.testing.assert_array_equal(private.series[copy].counts, clear.series.counts)
            assert private.series[copy].hash == clear.series.hash
    assert not any(client.missed for client in private.clients)


@pytest.mark.parametrize("mode", ["outcome", "sum"])
@pytest.mark.parametrize("name", EACH)
@settings(max_examples=2)
@given(data=st.data())
def test_each_replicate_has_the_bits_of_its_own_run(name, mode, data, graph_testbeds, run_clear, operators_of):
    testbed = with_replicates(data.draw(graph_testbeds(name, mode=mode)), data.draw(st.integers(2, 5)))
    check(testbed, run_replicates(testbed, operators_of), run_clear)


@pytest.mark.parametrize("name", ["library-seirs", pytest.param("places", marks=pytest.mark.slow)])
@settings(max_examples=3)
@given(data=st.data())
def test_agents_with_common_draws_draw_alike_in_each_replicate(name, data, graph_testbeds, run_clear, operators_of):
    group = data.draw(st.integers(2, 3))
    testbed = with_replicates(data.draw(graph_testbeds(name, mode="outcome")), 2, common_draws=group)
    assume(max(len(client.agents) for client in testbed.manifest.clients) > 1)
    for own in testbed.replicates:
        numbers, at = own.source_of_draws.agents, 0
        for client in own.manifest.clients:
            firsts = [client.agents[place // group * group] for place in range(len(client.agents))]
            assert numbers[at : (at := at + len(firsts))].tolist() == firsts
    check(testbed, run_replicates(testbed, operators_of), run_clear)


@settings(max_examples=3)
@given(data=st.data(), least=st.integers(2, 8))
def test_small_counts_are_suppressed_in_each_replicate_by_itself(data, least, testbeds, run_clear, operators_of):
    testbed = with_replicates(data.draw(testbeds(mode="outcome", min_count=least)), data.draw(st.integers(2, 5)))
    check(testbed, run_replicates(testbed, operators_of), run_clear)


@settings(max_examples=3)
@given(data=st.data(), least=st.integers(2, 8))
def test_a_masked_run_suppresses_small_counts_in_each_replicate_by_itself(data, least, testbeds, run_clear):
    testbed = data.draw(testbeds(mode="outcome", k=2, min_count=least))
    testbed = with_replicates(testbed, data.draw(st.integers(2, 4)))
    check(testbed, run_masked(testbed), run_clear)


@pytest.mark.parametrize("name", MASKED)
@settings(max_examples=2)
@given(data=st.data())
def test_each_replicate_of_a_masked_run_has_the_bits_of_its_own_run(name, data, graph_testbeds, run_clear):
    testbed = with_replicates(data.draw(graph_testbeds(name, mode="outcome", k=2)), data.draw(st.integers(2, 4)))
    try:
        private = run_masked(testbed)
    except WouldWrap:
        reject()
    check(testbed, private, run_clear)


def check_states(testbed, clients, missed, public_of, **more):
    copies = testbed.manifest.copies
    for copy, own in enumerate(testbed.replicates):
        for field, values in reference(own, missed, public_of(copy), **more).items():
            each = np.concatenate([client.private.state[field] for client in clients])
            np.testing.assert_array_equal(each[copy::copies], values, err_msg=f"{field} of replicate {copy}")


def test_a_client_that_joins_late_is_late_in_every_replicate(of_closures, operators_of):  # noqa: F811
    testbed = with_replicates(of_closures, 3)
    ended = run_replicates(testbed, operators_of, late={"client-0"})
    missed = {client.private.name: set(client.missed) for client in ended.clients}
    assert set(range(LATE)) <= missed["client-0"]
    assert ended.series[0].public != ended.series[1].public  # an environment that follows releases, of each by itself
    check_states(testbed, ended.clients, missed, lambda copy: ended.series[copy].public)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "lenders" else name for name in masked_absences.FEW]
)
@settings(max_examples=1)
@given(data=st.data())
def test_a_client_that_comes_back_to_a_masked_run_was_away_in_every_replicate(name, data, graph_testbeds):
    testbed, plan = masked_absences.drawn(data, graph_testbeds, name)
    testbed = with_replicates(testbed, 3)
    _, clients, run = masked_absences.play(testbed, plan)
    spoke, counted, heard, learnt = masked_absences.absences(run)
    away = {"heard_of": heard, "counted": counted, "learnt": learnt}
    check_states(testbed, clients, spoke, lambda copy: {}, **away)


class ReplayedReplicate(Replayed):
    """One replicate in the clear, with the noise that it had among the others."""

    def __init__(self, testbed, keys, *, copy, copies):
        super().__init__(testbed, keys)
        self._copy, self._copies = copy, copies

    def _drawn(self, name, step, d):
        return super()._drawn(name, step, d * self._copies)[self._copy :: self._copies]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_noised_replicate_is_the_clear_run_with_noise_of_its_own(choice, testbed_of, operators_of, fixed_keys):  # noqa: F811
    testbed = with_replicates(testbed_of(CHOICES[choice], "outcome"), 3)
    series = run_replicates(testbed, operators_of).series
    for copy, own in enumerate(testbed.replicates):
        clear = ReplayedReplicate(own, fixed_keys, copy=copy, copies=3)
        expected = asyncio.run(simulate(own.manifest, clear, own.synthetic_agents(CPU)))
        assert series[copy].counts.tolist() == expected.counts.tolist()


def test_a_client_takes_home_a_row_for_each_replicate(operators_of, tmp_path, testbed_of):  # noqa: F811
    testbed = with_replicates(testbed_of(None), 3)
    records = {}

    async def everyone():
        with operators_of(testbed.manifest) as started:

            async def join(name):
                joined = await Client.join(testbed.manifest, testbed.private_state(name), started.transports(name))
                records[name] = RunRecord(joined)
                return joined

            engine = RemotePart(testbed.manifest, started.transports(ENGINE))
            return await everybody(testbed, engine, join, observers=records)

    ended = asyncio.run(everyone())
    records["client-0"].write(outcomes=tmp_path / "outcomes.csv", series=tmp_path / "series.csv")
    rows = list(csv.DictReader((tmp_path / "series.csv").read_text().splitlines()))
    assert [(int(row["step"]), int(row["replicate"])) for row in rows] == [
        (step, copy) for step in range(STEPS + 1) for copy in range(3)
    ]
    for copy, series in enumerate(ended.series):
        own = [[int(row[name]) for name in series.names] for row in rows if int(row["replicate"]) == copy]
        assert own == series.counts[:, 0].tolist()
    outcomes = (tmp_path / "outcomes.csv").read_text().splitlines()
    agents = {(row["replicate"], row["agent"]) for row in csv.DictReader(outcomes)}
    assert agents == {(str(copy), str(agent)) for copy in range(3) for agent in testbed.manifest.clients[0].agents}
