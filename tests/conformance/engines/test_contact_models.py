"""Any model along contacts: the compiled step has the interpreter's bits, by every route and for all threads."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

import lpm_secure.models as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.kernels.exposure import Traversal
from lpm_secure.engine.kernels.workers import Workers
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices, ModelAgents
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.engine.venues.contacts import ContactExposures, contacts_of
from lpm_secure.models.library.banks import Banks
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.library.supply import Supply
from protocols.errors import ParameterError
from tests.conformance.engines.test_venue_models import FASTER, MODELS, STEPS, Mood, N, public_of, traced_of
from tests.epidemics import channels_of
from tests.random_graph import random_graph
from tests.user_models import Lenders

CELLS = 9


class Rumour(lpm.Model):
    """A model of directed contacts, whose messages grow by public numbers and fade for all in the same step."""

    belief = lpm.field(0, 300)
    season = lpm.field(0, 2)  # the same for all
    news = lpm.public(0, 5)
    whisper = lpm.message(most=300, directed=True)
    heard = lpm.outcome(whisper, reveals="sum", keep=False)

    def begin(self, me, draw):
        return me.set(belief=draw.uniform(0, 60, "belief"), season=0)

    def says(self, me):
        return {self.whisper: lpm.where(me.season == 2, 0, lpm.where(me.belief > 40, me.belief, 0))}

    def update(self, me, heard, draw):
        belief = me.belief + lpm.clip(heard[self.heard] // 20, 0, 30) - 7 + heard[self.news]
        return me.set(
            belief=lpm.clip(belief, 0, 300), season=lpm.where(me.season == 2, 0, lpm.clip(me.season + 1, 0, 2))
        )


class Pendulum(lpm.Model):
    """A model whose agents swap two numbers while they wait, each made of the other as it was."""

    stage = lpm.stage("WAITS", "RUNS")
    left = lpm.field(0, 90)
    right = lpm.field(0, 90)
    tick = lpm.message(most=90)
    heard = lpm.outcome(tick, above=left, keep=False, threshold="step")

    def begin(self, me, draw):
        return me.set(stage="WAITS", left=draw.uniform(0, 91, "left"), right=draw.uniform(0, 91, "right"))

    def says(self, me):
        return {self.tick: lpm.where(me.stage == "RUNS", 5, 0)}

    def update(self, me, heard, draw):
        swings = (me.stage == "WAITS") & (me.left < 80)
        stage = lpm.where(swings, "WAITS", lpm.where(draw.uniform(0, 3, "rests") == 0, "WAITS", "RUNS"))
        return me.set(stage=stage, left=lpm.where(swings, me.right, lpm.clip(me.left - 3, 0, 90)), right=me.left)


SOON = (SeirModel, Mood)  # the others take a minute to compile together
LATER = [pytest.param(each, marks=pytest.mark.slow) for each in (*MODELS, Banks, Supply) if each not in SOON]
WAYS = ((1, Traversal.AUTO, True), (2, Traversal.PUSH, True))


def worlds(model, seed, *, days=2, ways=WAYS, cells=CELLS, edges=3 * N):
    """Return agents of a model with drawn contacts and cells: interpreted, and compiled in several ways."""
    draw, traced = np.random.default_rng(seed), traced_of(model)
    graph, names = traced.graph, sorted(name for name, each in traced.graph.channels.items() if not each.cell)
    a = draw.integers(N, size=edges)
    b = (a + draw.integers(1, N, size=edges)) % N
    columns = (draw.integers(days, size=edges), a, b, draw.integers(max(len(names), 1), size=edges))
    table = ContactTable(*columns, draw.integers(4, size=edges))
    cell = draw.integers(CELLS, size=N)
    people = np.bincount(cell, minlength=CELLS) + 3
    place = Setting("cells", cell.astype(np.int32), people, people=people)
    links = {name: (VenueLink(0),) if each.cell and cells else () for name, each in graph.channels.items()}
    venues = Venues.of([place]) if cells else Venues.nowhere(N)
    channels = VenueChannels(venues, links, contacts_of(table, graph, n=N, period=days))
    private = {name: each for name, each in sorted(graph.fields.items()) if each.private}
    known = {name: draw.integers(each.low, min(each.high, each.low + 9) + 1, N) for name, each in private.items()}
    scalar = {name for name, each in graph.parameters.items() if not each.axes}
    numbers = {name: FASTER.get(name, value) if name in scalar else value for name, value in traced.parameters.items()}
    given = {
        "key": (seed, 7),
        "agents": draw.permutation(10**6)[:N].astype(np.uint64),
        "columns": known,
        "steps": STEPS,
    }
    matrices = ContactMatrices(table, graph.channels, n=N, period=days)
    mixing = CellMixing(cell, people) if cells else NOWHERE
    plain = ModelAgents(NumpyBackend(graph), numbers, contacts=matrices, cells=mixing, saturate=True, **given)
    return plain, [
        VenueAgents(graph, numbers, channels, threads=threads, route=route, filters=filters, **given)
        for threads, route, filters in ways
    ]


def assert_same_run(graph, plain, compiled):
    """Move all on, hold fields and totals against each other in every step, and return how many states there were."""
    seen = set()
    for step in range(STEPS):
        seen.add(tuple(int(values.sum()) for values in plain.state.values()))
        for agents in compiled:
            np.testing.assert_array_equal(agents.tally(), plain.tally_totals())
        for agents in (plain, *compiled):
            agents.update(public_of(graph, step))
        for agents in compiled:
            for name in agents.fields:
                np.testing.assert_array_equal(agents.column(name), plain.state[name], err_msg=f"{name} in step {step}")
    return len(seen)


@pytest.mark.parametrize("model", [*SOON, Rumour, Pendulum, *LATER])
@given(seed=st.integers(0, 2**32), days=st.sampled_from([1, 3]))
@settings(max_examples=2, suppress_health_check=list(HealthCheck))
def test_a_compiled_step_along_contacts_is_the_interpreters_to_the_bit(model, seed, days):
    plain, compiled = worlds(model, seed, days=days)
    assert assert_same_run(traced_of(model).graph, plain, compiled) > 1


@pytest.mark.parametrize("model", [SeirModel, Rumour, pytest.param(Seirs, marks=pytest.mark.slow)])
@pytest.mark.parametrize("days", [1, 2])
def test_routes_threads_and_filters_change_no_bit(model, days):
    """Without cells, the levels of an epidemic are streamed, and those who rest are passed over."""
    ways = [(threads, route, filters) for route in Traversal for threads, filters in ((1, False), (3, True))]
    plain, compiled = worlds(model, 4, days=days, ways=ways, cells=0)
    assert assert_same_run(traced_of(model).graph, plain, compiled) > 3
    for agents, (_, _, filters) in zip(compiled, ways, strict=True):
        assert ("l0[k] -=" in agents.text) == (filters and model is SeirModel)


def test_changes_are_pushed_while_few_change_and_messages_pulled_when_many_do():
    """Where routes alternate, one takes up what the other left of each thread."""
    graph, workers, draw = random_graph(500, mean_degree=6, seed=2), Workers(500, 3), np.random.default_rng(2)
    heard = ContactExposures({"talk": (graph,)}, traced_of(Mood).graph, workers, route=Traversal.AUTO)
    matrix = sparse.csr_array((np.ones(graph.edges, np.int64), graph.indices, graph.indptr))
    (said,), (moved,), (shift,), _ = heard.outputs(0)
    for share in (0.1, 0.9, 0.1, 0.9, 0.1):
        says = np.where(draw.random(500) < share, draw.integers(0, 100, 500), said)
        for thread, (first, end) in enumerate(workers.ranges):
            who = first + np.flatnonzero(says[first:end] != said[first:end])
            last = first + who.size
            moved[first:last], shift[first:last] = who, says[who] - said[who].astype(np.int64)
            heard.outputs(thread)[3][0] = last
        said[:] = says
        heard.add_up(0)
        (exposure,) = heard.exposures
        np.testing.assert_array_equal(exposure.sum(axis=0, dtype=exposure.dtype), matrix @ says)
    assert heard.routes == {Traversal.PUSH: 3, Traversal.PULL: 2}


@pytest.mark.parametrize("model", [Rumour, pytest.param(Mood, marks=pytest.mark.slow)])
def test_agents_with_contacts_go_on_from_a_checkpoint_with_the_same_bits(model):
    graph, (_, (first, second)) = traced_of(model).graph, worlds(model, 21)
    for step in range(STEPS):
        if step == STEPS // 2:
            saved = {name: values.astype(np.int64) for name, values in first.save().items()}  # as versions before did
            own = {name: values.copy() for name, values in second.save().items()}
            with pytest.raises(ParameterError, match=r"values of field_.* that this run cannot reach; begin anew"):
                second.load(saved | {each: saved[each] + 2**16 for each in [f"field_{second.fields[-1]}"]})
            assert all(np.array_equal(values, own[name]) for name, values in second.save().items())
            second.load(saved)
        for agents in (first, second) if step >= STEPS // 2 else (first,):
            agents.update(public_of(graph, step))
    for name, values in first.save().items():
        np.testing.assert_array_equal(values, second.save()[name])


@pytest.mark.parametrize(
    ("model", "days", "said"),
    [
        (Lenders, [random_graph(50, mean_degree=2, seed=1)], "has numbers of contacts"),
        (Mood, [random_graph(50, mean_degree=2, seed=1), random_graph(51, mean_degree=2, seed=1)], "other agents"),
        (Mood, [Csr(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.array([-1, -1]))], "negative weight"),
    ],
)
def test_contacts_that_do_not_fit_a_model_are_refused(model, days, said):
    traced = traced_of(model)
    with pytest.raises(ParameterError, match=said):
        VenueAgents(traced.graph, traced.parameters, channels_of(traced.graph, days), key=(1, 2))


def test_exposures_are_held_in_the_smallest_types_that_their_bounds_allow():
    kinds = []
    for model in (SeirModel, Mood):
        _, (agents, _) = worlds(model, 1)
        kinds += [exposure.dtype.name for exposure in agents.exposures]
    assert kinds == ["uint8", "uint16"]
