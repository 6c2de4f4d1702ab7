"""Twins: whoever joins, leaves or comes back in mid-run, cells have the same people, and private runs the same bits."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
import torch

from client_sdk import Client
from client_sdk.private.contacts import ContactTable
from client_sdk.private.state import simulation_key
from lpm_secure.engine.announcement import AggregateRelease
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.loop import ClearPart, PrivatePart, RemotePart, StepRelease, simulate
from lpm_secure.testbed.synthetic import SYNTHETIC_FROM, TWINS_FROM, cells_of, draw_columns
from lpm_secure.testbed.testbed import Testbed, count_twins
from protocols.errors import DataError, ParameterError, ProtocolError, RoundClosed
from protocols.models.agent_model import AgentSource, StepInputs, decide
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.wire.transport import Transport
from tests.conformance.parity.conftest import EACH, TRACES, graph_model
from tests.conformance.parity.test_absences import Late
from tests.conformance.parity.test_absences_of_models import edges_of, heard
from tests.conformance.parity.test_masked_absences import MOMENTS, absences
from tests.conformance.parity.test_masked_absences import play as play_masked
from tests.user_models import ENVIRONMENTS

CPU = torch.device("cpu")
ROUND_S = 0.4  # a client that is not meant to be late has so long
WITH_CELLS = [
    each
    for each in EACH
    if (graph := TRACES[getattr(each, "values", (each,))[0]].graph).cell_field is None
    and any(channel.cell for channel in graph.channels.values())
]
NAMES = [getattr(each, "values", (each,))[0] for each in WITH_CELLS]


def run_with_twins(manifest_of, name, *, seed=3, **changes):
    """Return a run of three clients, two cells and twins: of 6 private agents, and 7 of the engine's own."""
    model, rng, (n, m) = graph_model(name), np.random.default_rng(seed), (6, 20)
    c = len(model.contact_channels)
    a, m = rng.integers(0, n, m), m if c else 0
    ends = a[:m], ((a + rng.integers(1, n, a.size)) % n)[:m]
    table = ContactTable(np.zeros(m, np.int64), *ends, rng.integers(0, max(c, 1), m), np.ones(m, np.int64))
    fixed = {"mode": "outcome", "round_timeout_s": ROUND_S, "join_timeout_s": 1.2, "min_cohort": 1} | changes
    manifest = manifest_of(
        ((1, 2, 3), (4,), (5, 6)),
        model=model,
        model_hash=model.digest,
        channels=model.contact_channels,
        steps=5,
        max_message=400,
        engine=True,
        cells=(30, 20),
        **fixed,
    )
    cell, numbers = rng.integers(0, 2, n), np.arange(1, n + 1, dtype=np.uint64)
    columns, environment = draw_columns(manifest, numbers), ENVIRONMENTS.get(name, {})
    manifest = msgspec.structs.replace(manifest, twins=count_twins(manifest, cell))
    return Testbed(manifest, table, cell, 7, "drawn", True, columns=columns, environment=environment)


def reference(testbed, missed, public, *, heard_of=None, counted=None, learnt=None):
    """Run private, synthetic and twin agents as one array, of which some say nothing in some steps.

    Returns:
        The state of all of them in this order, and int64[T + 1, 2, q], what is counted of private and of other agents.
    """
    heard_of, counted, learnt = (missed if each is None else each for each in (heard_of, counted, learnt))
    manifest, key = testbed.manifest, simulation_key(testbed.manifest.testbed_seed)
    model, edges, clients = manifest.model.agents, edges_of(testbed), len(manifest.clients)
    own = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
    others = np.arange(testbed.synthetic, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM)
    twins = np.arange(own.size, dtype=np.uint64) + np.uint64(TWINS_FROM)
    holder = np.repeat(np.arange(clients), [len(client.agents) for client in manifest.clients])
    owner = np.concatenate([holder, np.full(others.size, clients), clients + 1 + holder])
    numbers, is_private = np.concatenate([own, others, twins]), np.arange(2 * own.size + others.size) < own.size
    # a twin's place is only known up to its client, so clients' twins stand in the order of their cells
    cell_of_twins = np.concatenate([np.sort(testbed.cell[holder == place]) for place in range(clients)])
    cell = np.concatenate([testbed.cell, cells_of(others, manifest), cell_of_twins])
    drawn = draw_columns(manifest, np.concatenate([others, twins]))
    source, sizes, n, o = AgentSource(numbers, key), np.array(manifest.cells), numbers.size, len(model.outcomes)
    starts = [
        model.initial_state(AgentSource(own, key), testbed.columns),
        model.initial_state(AgentSource(np.concatenate([others, twins]), key), drawn),
    ]
    state = {name: np.concatenate([each[name] for each in starts]) for name in starts[0]}
    level, told, waits = (np.zeros((n, o), dtype=np.int64) for _ in range(3))
    keep = np.array([outcome.keep for outcome in model.outcomes])
    bits = np.array([outcome.is_bit for outcome in model.outcomes])
    at_once = np.array([not outcome.multiplies for outcome in model.outcomes])
    counts, always = [], np.ones(clients + 1, dtype=bool)

    def masks(step):
        there = np.array([step not in missed[client.name] for client in manifest.clients])
        each = [np.concatenate([there, [True], ~there])[owner]]
        for gone in (heard_of, counted, learnt):
            told_of = [step not in gone[client.name] for client in manifest.clients]
            each.append(np.concatenate([told_of, always])[owner])
        return each

    for step in range(manifest.steps + 1):
        speaks, hears, decides, learns = masks(step)
        halves = [speaks & is_private, speaks & ~is_private]
        counts.append([model.totals({name: value[half] for name, value in state.items()}) for half in halves])
        if step == manifest.steps:
            return state, np.array(counts)
        says, today = model.messages(state), edges[:, edges[0] == step % manifest.period]
        same = owner[today[1]] == owner[today[2]]
        within = heard(model, state, says, today[:, same])
        beyond = heard(model, state, says, today[:, ~same & speaks[today[1]]])
        if manifest.mode == "sum":  # levels are the clients' own: who is away is told nothing, and decides by itself
            beyond, learns = np.where(hears[:, None], beyond, 0), np.ones(n, dtype=bool)
        sums = np.zeros((len(model.cell_most), sizes.size), dtype=np.int64)
        for place in np.flatnonzero(speaks):
            sums[:, cell[place]] += says[place, len(model.most) :]
        pressure = np.where(hears[:, None], model.pressure(sums.reshape(-1), sizes)[cell], 0)
        most = np.array(model.cell_most)[:, None] * sizes
        totals = np.where(hears[:, None], np.clip(sums, 0, most).T[cell], 0)
        weights = model.weights(state)
        level = np.where(keep, level, 0) + model.increments(within, pressure) * weights
        grown = model.increments(beyond, np.zeros_like(pressure))
        told, waits = np.where(keep, told, 0) + np.where(at_once, grown, 0), np.where(keep, waits, 0) + grown
        told = told + np.where(decides[:, None] & ~at_once, waits * weights, 0)
        waits = np.where(decides[:, None], 0, waits)
        known = decide(model.outcomes, level + told, model.thresholds(state))
        decided = np.where(learns[:, None], known, np.where(bits, 0, level))
        heard_public = {name: values[step] for name, values in public.items()}
        inputs = StepInputs(step, within, pressure, totals, sizes[cell], decided, heard_public)
        state, anew = model.update(state, inputs, source)
        level, told = np.where(anew, 0, level), np.where(anew, 0, told)
    raise AssertionError


def check(testbed, state, series, missed, **more):
    """Hold private states and the engine's series against the reference, and the number of people against itself."""
    expected, counts = reference(testbed, missed, series.public, **more)
    n = Layout.of(testbed.manifest).n
    for field, values in expected.items():
        np.testing.assert_array_equal(state[field], values[:n], err_msg=field)
    np.testing.assert_array_equal(series.counts, counts)
    stages = [place for place, word in enumerate(testbed.manifest.model.agents.tally) if word.stage_of is not None]
    fields = len({testbed.manifest.model.agents.tally[place].stage_of for place in stages})
    assert set(series.counts[:, :, stages].sum(axis=(1, 2)).tolist()) <= {fields * (n + testbed.synthetic)}


class Noting(Late):
    """A late client's way to an aggregator, which keeps which rounds have closed without it, as it is told."""

    def __init__(self, inner, runs, steps, closed):
        super().__init__(inner, runs, steps)
        self._closed = closed

    async def call(self, request, *, timeout_s):
        try:
            return await super().call(request, timeout_s=timeout_s)
        except RoundClosed:
            self._closed[request.phase].add(request.step)
            raise


def play(testbed, planned, run_private):
    """Run it, and return its ending, and of each client the steps in which it did not speak, and did not decide."""
    closed = {client.name: {Phase.SPEAK: set(), Phase.DECIDE: set()} for client in testbed.manifest.clients}

    def around(client, operators):
        each = operators.transports(client)
        return [Noting(inner, operators.runs, planned[client], closed[client]) for inner in each]

    ending = run_private(testbed, around)
    return ending, *({name: each[phase] for name, each in closed.items()} for phase in (Phase.SPEAK, Phase.DECIDE))


PLANS = {
    "who comes back": {"client-0": {2}},
    "who joins late, and who leaves": {"client-1": {0, 1}, "client-2": {3, 4, 5}},
}


@pytest.mark.parametrize(("k", "mode", "plan"), [(2, "outcome", "who comes back"), (3, *("sum", list(PLANS)[1]))])
@pytest.mark.parametrize("name", WITH_CELLS)
def test_twins_stand_in_for_whoever_is_away_bit_for_bit(name, k, mode, plan, manifest_of, run_private):
    testbed = run_with_twins(manifest_of, name, mode=mode, k=k)
    planned = {client.name: PLANS[plan].get(client.name, set()) for client in testbed.manifest.clients}
    ending, spoken, decided = play(testbed, planned, run_private)
    assert all(steps <= spoken[client] for client, steps in planned.items())
    check(testbed, ending.state, ending.series, spoken, counted=decided, learnt=decided)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_twins_stand_in_whatever_absences_are_drawn(seed, manifest_of, run_private):
    draws = np.random.default_rng([seed, 11])
    name, mode = NAMES[seed % len(NAMES)], str(draws.choice(["outcome", "sum"]))
    testbed = run_with_twins(manifest_of, name, seed=seed, mode=mode, k=int(draws.integers(2, 4)))
    steps, clients = np.arange(testbed.manifest.steps + 1), [client.name for client in testbed.manifest.clients]
    away = draws.random((steps.size, len(clients))) < 0.4
    away[steps, draws.integers(0, len(clients), steps.size)] = False  # a step without anybody ends the run
    if mode == "outcome":  # who shares no thresholds takes no part at all; after the last round none comes to wait for
        away[[0, -1]] = False
    planned = {client: set(np.flatnonzero(away[:, place]).tolist()) for place, client in enumerate(clients)}
    ending, spoken, decided = play(testbed, planned, run_private)
    assert all(steps <= spoken[client] for client, steps in planned.items())
    check(testbed, ending.state, ending.series, spoken, counted=decided, learnt=decided)


@pytest.mark.parametrize("name", ["crowds", "library-seirs"])
def test_twins_stand_in_for_clients_that_are_away_from_active_runs(name, manifest_of):
    testbed = run_with_twins(manifest_of, name, security="active")
    number = testbed.manifest.schedule.number(2, Phase.SPEAK)
    series, clients, run = play_masked(testbed, {"client-0": [(number, MOMENTS[0])]})
    state = {
        field: np.concatenate([each.private.state[field] for each in clients]) for field in clients[0].private.state
    }
    spoken, decided, heard_of, learnt = absences(run)
    assert spoken["client-0"]
    check(testbed, state, series, spoken, heard_of=heard_of, counted=decided, learnt=learnt)


def test_without_absences_twins_change_nothing(manifest_of, run_private, run_clear):
    testbed = run_with_twins(manifest_of, "crowds")
    plain = dataclasses.replace(testbed, manifest=msgspec.structs.replace(testbed.manifest, twins=msgspec.UNSET))
    assert run_private(testbed).series.hash == run_clear(testbed).series.hash == run_clear(plain).series.hash


class Overheard(Transport):
    """The engine's way to an aggregator, which keeps what it announced and was told.

    It announces no step before a client that is about to come back has called: the same ones are away in all runs.
    """

    def __init__(self, inner, calls, begun):
        self._inner, self._calls, self._begun = inner, calls, begun

    async def call(self, request, *, timeout_s):
        while request.step not in {*AWAY["client-0"], *self._begun}:
            await asyncio.sleep(0.002)
        reply = await self._inner.call(request, timeout_s=timeout_s)
        self._calls.append((request.synthetic.tolist(), reply.members, reply.names))
        return reply


class Beginning(Late):
    """The way of the client that is away, which keeps the steps that it has called in."""

    def __init__(self, inner, runs, begun):
        super().__init__(inner, runs, AWAY["client-0"])
        self._begun = begun

    async def call(self, request, *, timeout_s):
        self._begun.add(getattr(request, "step", 0))
        return await super().call(request, timeout_s=timeout_s)


S, I, R = 0, 2, 3  # noqa: E741
AWAY = {"client-0": {2, 3}}
ALL_NAMES = ("client-0", "client-1", "client-2")
AWAY_NAMES = ALL_NAMES[1:]
WORLDS = {  # of agents 1, 2 and 3 of client-0, 4 of client-1, and 5 and 6 of client-2, all of them in one cell
    "agent 1 is ill": [I, R, S, R, S, S],
    "another agent of its client is": [R, I, S, R, S, S],
    "both have recovered, and one of a client that stays is ill": [R, R, S, I, S, S],
}


def transcript(manifest_of, operators_of, seir, stage):
    """Return all that the engine says, is told and does in a run of these states, and the clients' own in the end."""
    law = (0, 0, 2**32)  # three days, whoever is ill: what becomes of an agent does not depend on which one it is
    model = seir(f=24, beta=(0,), cell_beta=2**25, latent=law, infectious=law)
    given = {"mode": "outcome", "round_timeout_s": ROUND_S, "join_timeout_s": 5.0, "min_cohort": 1}
    agents = ((1, 2, 3), (4,), (5, 6))
    twins = {f"client-{place}": (len(own),) for place, own in enumerate(agents)}
    manifest = manifest_of(agents, model=model, steps=6, engine=True, cells=(9,), twins=twins, **given)
    nobody, columns = ContactTable(*[np.zeros(0, dtype=np.int64)] * 5), {"stage": np.array(stage)}
    testbed = Testbed(manifest, nobody, np.zeros(6, np.int64), 3, "drawn", True, columns=columns)
    synthetic, calls, steps, begun = testbed.synthetic_agents(CPU), [], [], set()

    def keep(step, release):
        state = {name: values.tolist() for name, values in synthetic.twins.state.items()}
        steps.append((step, release.cells.tolist(), release.tally.tolist(), release.names, state))

    async def client(name, operators):
        ways = operators.transports(name)
        if name in AWAY:
            ways = [Beginning(inner, operators.runs, begun) for inner in ways]
        joined = await Client.join(manifest, testbed.private_state(name), ways)
        await joined.run()
        return joined

    async def everybody():
        with operators_of(manifest) as operators:
            engine = RemotePart(manifest, [Overheard(each, calls, begun) for each in operators.transports(ENGINE)])
            clients = [client(party.name, operators) for party in manifest.clients]
            return await asyncio.gather(simulate(manifest, engine, synthetic, on_step=keep), *clients)

    series, *ended = asyncio.run(everybody())
    own = np.concatenate([each.private.state["stage"] for each in ended]).tolist()
    return (calls, steps, series.counts.tolist()), own, steps


def test_what_engine_and_twins_do_is_the_same_whichever_agent_of_a_cell_is_ill(manifest_of, operators_of, seir):
    told = [transcript(manifest_of, operators_of, seir, stage) for stage in WORLDS.values()]
    (first, _, steps), (second, *_), (third, *_) = told
    assert [names for *_, names, _ in steps] == [AWAY_NAMES if step in (2, 3) else ALL_NAMES for step in range(7)]
    assert first == second
    assert first[1][:2] == third[1][:2]  # of client-0 and of a client that stays, until client-0 takes its agents along
    assert first[1][2:] != third[1][2:]  # so the comparison can fail
    ill = [step[4]["stage"] for step in steps]
    assert ill[0] != ill[-1]  # twins live


def test_a_client_whose_cells_are_others_than_its_twins_is_refused(manifest_of):
    testbed = run_with_twins(manifest_of, "crowds")
    moved = dataclasses.replace(testbed, cell=1 - testbed.cell)
    with pytest.raises(DataError, match=r"agents are in cell 0, and the manifest counts \d there, for their twins"):
        moved.private_state("client-1")


def test_an_engine_that_is_started_again_has_the_same_twins(manifest_of, tmp_path):
    testbed = run_with_twins(manifest_of, "library-seirs")
    steps = np.arange(testbed.manifest.steps + 1)
    layout = Layout.of(testbed.manifest)

    class Part(PrivatePart):
        async def advance(self, step, announced):
            release = journal.release(step, announced)
            if release is None:
                assert step >= len(entries)
                names = ALL_NAMES if step % 2 else AWAY_NAMES
                release = AggregateRelease(np.full(layout.release_words, step), len(names), 0, names)
                journal.append(step, announced, release)
            cells, tally = np.split(release.words, [layout.cells])
            return StepRelease(cells, tally, release.members, 0, release.names)

    series, entries = [], ()
    for _ in range(2):
        journal = ReleaseJournal(tmp_path / "releases.jsonl", run=bytes(32), engine="0" * 64)
        series.append(asyncio.run(simulate(testbed.manifest, Part(), testbed.synthetic_agents(CPU))))
        entries = steps
    assert series[0].hash == series[1].hash


def test_agents_without_twins_do_not_drive_a_run_that_has_some(manifest_of):
    testbed = run_with_twins(manifest_of, "crowds")
    alone = testbed.synthetic_agents(CPU).agents
    part = ClearPart(testbed.manifest, testbed.clear_agents(CPU))
    with pytest.raises(ParameterError, match="the run has twins, and the engine's agents have none"):
        asyncio.run(simulate(testbed.manifest, part, alone))


def test_whom_nobody_tells_of_is_not_taken_for_away(manifest_of):
    testbed = run_with_twins(manifest_of, "crowds")

    class Silent(PrivatePart):
        async def advance(self, step, announced):
            layout = Layout.of(testbed.manifest)
            cells, tally = np.split(np.zeros(layout.release_words, dtype=np.int64), [layout.cells])
            return StepRelease(cells, tally, members=3, traffic=0)

    with pytest.raises(ProtocolError, match="not told who took part"):
        asyncio.run(simulate(testbed.manifest, Silent(), testbed.synthetic_agents(CPU)))
