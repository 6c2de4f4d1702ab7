"""Every back end gives the interpreter's bits: library models over whole runs, and drawn graphs."""

import random

import numpy as np
import pytest
import torch

import lpm_secure.models as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.backends.torch_backend import TorchBackend
from lpm_secure.engine.backends.torch_words import exponential, random_words
from lpm_secure.engine.model_agents import CellMixing, ContactMatrices, ModelAgents
from lpm_secure.engine.tensor_contacts import TensorContacts
from lpm_secure.models.library.onset import WaningLineList
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.seirs import Seirs
from lpm_secure.models.tracer import trace
from protocols.arithmetic.philox import philox
from protocols.models.agent_model import UNKNOWN
from protocols.models.graph import GraphField, GraphNode, ModelGraph, draws
from protocols.models.graph.bounds import prove
from protocols.models.graph.checks import check
from protocols.models.graph.draws import DrawSource
from protocols.models.graph.interpreter import Inputs

BACKENDS = {
    "numba": NumbaBackend,
    "numba, two threads": lambda graph: NumbaBackend(graph, threads=2),
    "torch": TorchBackend,
    "torch, CUDA": lambda graph: TorchBackend(graph, on_cuda()),
}
SHORT = (2**30,) * 4


def on_cuda():
    """Return the accelerator, or skip."""
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return "cuda"


LAWS = {"latent_law": SHORT, "infectious_law": SHORT, "waning_law": SHORT, "contact_rate": 2**28, "initial": 2**28}


class Wanderers(lpm.Model):
    """Agents count who is where they are, hear how loud it is there, and go elsewhere by both and by chance."""

    at = lpm.cell("NORTH", "SOUTH", "EAST")
    tired = lpm.field(0, 9)
    here, loud = lpm.cell_message(most=1), lpm.cell_message(most=9)

    def begin(self, me, draw):
        return me.set(at=draw.uniform(0, 3, "at"), tired=draw.uniform(0, 10, "tired"))

    def says(self, me):
        return {self.here: 1, self.loud: 9 - me.tired}

    def update(self, me, heard, draw):
        mean = heard.cell[self.loud] // lpm.maximum(heard.cell[self.here], 1)
        goes = me.tired + draw.uniform(0, 6, "whim") < lpm.clip(mean, 0, 9) + 3
        return me.set(at=lpm.where(goes, (me.at + 1) % 3, me.at), tired=(3 * me.tired + heard.cell[self.here]) % 10)


def contacts_of(backend, matrices):
    """Return contacts where a back end holds the agents."""
    channels = tuple(name for name, channel in backend.graph.channels.items() if not channel.cell)
    return TensorContacts(matrices, channels, backend) if isinstance(backend, TorchBackend) else matrices


def world(model, backend, *, n=300, seed=3):
    """Return agents of a library model among drawn contacts and cells."""
    rng, traced = np.random.default_rng(seed), trace(model)
    m, cells, period = 3 * n, 4, 2
    a = rng.integers(0, n, m)
    table = ContactTable(
        rng.integers(0, period, m), a, (a + rng.integers(1, n, m)) % n, np.zeros(m, np.int64), rng.integers(1, 4, m)
    )
    of = rng.integers(0, cells, n)
    made = backend(traced.graph)
    return ModelAgents(
        made,
        {name: LAWS.get(name, value) for name, value in traced.parameters.items()},
        agents=rng.permutation(10**6)[:n].astype(np.uint64),
        key=(5, 2**63 + 1),
        contacts=contacts_of(made, ContactMatrices(table, traced.graph.channels, n=n, period=period)),
        cells=CellMixing(of, np.bincount(of, minlength=cells)),
    )


def column(held):
    """Return a column as an array, wherever it is held."""
    return held.cpu().numpy() if isinstance(held, torch.Tensor) else held


@pytest.mark.parametrize("model", [SeirModel, Seirs])
@pytest.mark.parametrize("name", BACKENDS)
def test_a_whole_run_has_the_interpreters_bits(model, name):
    one, other = world(model, NumpyBackend), world(model, BACKENDS[name])
    for _ in range(30):
        one.update()
        other.update()
        for field, values in one.state.items():
            assert np.array_equal(values, column(other.state[field])), field
        assert all(np.array_equal(values, column(other.levels[each])) for each, values in one.levels.items())
        assert all(np.array_equal(counts, other.tally()[each]) for each, counts in one.tally().items())
        assert one.totals() == other.totals()


@pytest.mark.parametrize("name", BACKENDS)
def test_agents_that_move_have_the_interpreters_bits(name):
    n, graph = 300, trace(Wanderers).graph
    everybody, agents = CellMixing(np.zeros(0, np.int64), np.full(3, n)), np.arange(n, dtype=np.uint64)
    one, other = (
        ModelAgents(make(graph), {}, agents=agents, key=(5, 6), cells=everybody)
        for make in (NumpyBackend, BACKENDS[name])
    )
    places = set()
    for _ in range(8):
        for field, values in one.state.items():
            assert np.array_equal(values, column(other.state[field])), field
        for channel, totals in one.cell_totals().items():
            assert np.array_equal(totals, other.cell_totals()[channel]), channel
        assert np.array_equal(one.cell_totals()["here"], np.bincount(one.state["at"], minlength=3))
        places.add(one.state["at"].tobytes())
        for each in (one, other):
            each.update(others={"loud": np.array([300, 0, 100])})
    assert len(places) == 8


@pytest.mark.parametrize("name", BACKENDS)
def test_what_a_line_list_knows_has_the_interpreters_bits(name):
    rng, n, traced = np.random.default_rng(2), 400, trace(WaningLineList)
    stage = rng.integers(0, 4, n)
    since = np.where(rng.random(n) < 0.5, UNKNOWN, rng.integers(0, 4, n))
    known = {"stage": stage, "since": since, "susceptibility": rng.integers(2**14, 2**18, n)}
    given = {name: LAWS.get(name, value) for name, value in traced.parameters.items()}
    worlds = [
        ModelAgents(make(traced.graph), given, agents=np.arange(n, dtype=np.uint64), key=(5, 6), known=known)
        for make in (NumpyBackend, BACKENDS[name])
    ]
    for _ in range(12):  # so that thresholds of later spells are drawn, too
        one, other = worlds
        for field, values in one.state.items():
            assert np.array_equal(values, column(other.state[field])), field
        for each in worlds:
            each.update()


def drawn(seed, *, nodes=60):
    """Return a graph of drawn operations: every integer is clipped, so that all of it can be proved."""
    draw = random.Random(seed)
    made = [GraphNode("field", name="x"), GraphNode("field", name="y"), GraphNode("constant", numbers=(-7,))]
    made += [
        GraphNode("constant", numbers=(2**20,)),
        GraphNode("constant", numbers=(-(2**20),)),
        GraphNode("constant", numbers=(3,)),
    ]
    made.append(GraphNode("table", numbers=tuple(draw.randrange(-99, 99) for _ in range(8))))
    table, high, low, positive = 6, 3, 4, 5
    integers, truths = [0, 1, 2, positive], []

    def add(op, *inputs, **more):
        made.append(GraphNode(op, inputs, **more))
        return len(made) - 1

    def clipped(number):
        integers.append(add("maximum", add("minimum", number, high), low))

    clipped(0)
    for count in range(nodes):
        a, b = draw.choice(integers), draw.choice(integers)
        kind = draw.randrange(9 if truths else 4)
        if kind == 0:
            clipped(add(draw.choice(["add", "subtract", "multiply", "minimum", "maximum"]), a, b))
        elif kind == 1:
            truths.append(add(draw.choice(["less", "less_equal", "equal"]), a, b))
        elif kind == 2:
            integers.append(add(draw.choice(["divide", "modulo"]), a, add("maximum", b, positive)))
        elif kind == 3:
            index = add("modulo", a, add("constant", numbers=(8,)))
            integers.append(add("lookup", table, index))
        elif kind == 4:
            truths.append(add(draw.choice(["and", "or", "xor"]), draw.choice(truths), draw.choice(truths)))
        elif kind == 5:
            truths.append(add("not", draw.choice(truths)))
            integers.append(add("integer", truths[-1]))
        elif kind == 6:
            integers.append(add("where", draw.choice(truths), a, b))
        elif kind == 7:
            probability = add("constant", numbers=(draw.randrange(2**32),))
            truths.append(add("happens", probability, name=f"p{draw.randrange(3)}", numbers=(1,)))
            integers.append(add("uniform", b, add("maximum", positive, positive), name=f"p{count}", numbers=(1,)))
        else:
            spell = add("modulo", a, positive)
            clipped(add("exponential", spell, name=f"e{count}", numbers=(2, draw.randrange(12))))
    last = {"x": draw.choice(integers), "y": integers[-1]}
    roots = {name: add("maximum", add("minimum", number, high), low) for name, number in last.items()}
    fields = {name: GraphField(-(2**20), 2**20) for name in "xy"}
    return ModelGraph(fields, tuple(made), begin={"x": 2, "y": 5}, messages={}, update=roots)


@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 60), marks=pytest.mark.slow)], ids=["few", "many"])
def test_drawn_graphs_have_the_interpreters_bits(seeds):
    n, rng = 500, np.random.default_rng(1)
    for seed in seeds:
        graph = drawn(seed)
        check(graph)
        prove(graph)
        state = {name: rng.integers(-(2**20), 2**20, n) for name in "xy"}
        inputs = Inputs(state, {}, DrawSource(np.arange(n, dtype=np.uint64), 4, (1, 2)))
        expected = NumpyBackend(graph).evaluate(("update",), inputs)["update"]
        for make in (NumbaBackend, TorchBackend):
            got = make(graph).evaluate(("update",), inputs)["update"]
            for name, values in expected.items():
                assert np.array_equal(values, got[name]), (seed, name, make)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_words_and_logarithms_on_torch_have_the_bits_of_numpy(device):
    agents = np.random.default_rng(1).integers(0, 2**64, 10**5, dtype=np.uint64)
    numbers = torch.from_numpy(agents.view(np.int64)).to(on_cuda() if device == "cuda" else device)
    for key, counter in (((1, 2), 0), ((2**64 - 1, 2**63), 7)):
        fill = [np.full_like(agents, value) for value in (2**63 + 5, counter, 0)]
        word = philox(key, (agents, *fill))[0]
        got = random_words(key, numbers, 2**63 + 5, counter)
        np.testing.assert_array_equal(got.cpu().numpy().view(np.uint64), word)
        np.testing.assert_array_equal(exponential(got, 32).cpu().numpy(), draws.exponential(word, 32))


def test_a_run_on_torch_stays_on_its_device():
    agents = world(SeirModel, TorchBackend)
    agents.update()
    held = [*agents.state.values(), *agents.levels.values()]
    assert all(isinstance(each, torch.Tensor) and each.dtype == torch.int64 for each in held)


def test_tensors_in_are_tensors_out():
    graph = trace(SeirModel).graph
    state = {name: torch.full((5,), field.low) for name, field in graph.fields.items()}
    inputs = Inputs(state, trace(SeirModel).parameters, DrawSource(np.arange(5, dtype=np.uint64), 0, (1, 2)))
    told = TorchBackend(graph).evaluate(("messages",), inputs)["messages"]
    assert all(isinstance(values, torch.Tensor) and values.dtype == torch.int64 for values in told.values())
