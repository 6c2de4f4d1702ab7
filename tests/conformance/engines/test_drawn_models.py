"""Drawn models: the compiled step, and every back end, has the interpreter's bits, whatever fields and waits they have.

`python -m tests.conformance.engines.test_drawn_models FIRST END` looks at many more.
"""

import random
import sys

import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.backends.torch_backend import TorchBackend
from lpm_secure.engine.kernels.exposure import Traversal
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices, ModelAgents
from lpm_secure.engine.tensor_contacts import TensorContacts
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.engine.venues.contacts import contacts_of
from lpm_secure.models.tracer import trace
from tests.drawn_models import drawn_model, drawn_parameters

N, STEPS, CELLS = 120, 9, 5
WAYS = ((1, Traversal.AUTO, True), (2, Traversal.PUSH, True), (1, Traversal.PULL, False))


def world(traced, seed):
    """Return what all engines are given of drawn people: contacts, cells, columns, parameters."""
    draw, graph, days = np.random.default_rng(seed), traced.graph, 1 + seed % 3
    along = [name for name, each in sorted(graph.channels.items()) if not each.cell]
    a = draw.integers(N, size=2 * N)
    b = (a + draw.integers(1, N, size=a.size)) % N
    table = ContactTable(
        draw.integers(days, size=a.size), a, b, draw.integers(len(along), size=a.size), draw.integers(4, size=a.size)
    )
    columns = {
        name: draw.choice([each.low, each.high, draw.integers(each.low, each.high + 1)], size=N)
        for name, each in graph.fields.items()
        if each.private
    }
    given = {
        "key": (seed, 7),
        "agents": draw.permutation(10**6)[:N].astype(np.uint64),
        "columns": columns,
        "steps": STEPS,
    }
    parameters = drawn_parameters(traced, random.Random(seed))
    return table, days, draw.integers(CELLS, size=N), parameters, given


def interpreted(traced, seed, backends):
    """Return agents on back ends."""
    graph, (table, days, cell, parameters, given) = traced.graph, world(traced, seed)
    people = np.bincount(cell, minlength=CELLS) + 3
    cells = CellMixing(cell, people) if seed % 2 else NOWHERE
    if graph.cell_field:
        cells = CellMixing(np.zeros(0, np.int64), np.full(3, N))
    made = []
    for backend in (make(graph) for make in backends):
        contacts = ContactMatrices(table, graph.channels, n=N, period=days)
        if isinstance(backend, TorchBackend):
            names = tuple(name for name, each in graph.channels.items() if not each.cell)
            contacts = TensorContacts(contacts, names, backend)
        made.append(ModelAgents(backend, parameters, contacts=contacts, cells=cells, saturate=True, **given))
    return made


def compiled(traced, seed, ways):
    """Return compiled agents, by several routes; half of the seeds have no venues, so that more are passed over."""
    graph, (table, days, cell, parameters, given) = traced.graph, world(traced, seed)
    people = np.bincount(cell, minlength=CELLS) + 3
    place = Setting("cells", cell.astype(np.int32), people, people=people)
    venues = Venues.of([place]) if seed % 2 else Venues.nowhere(N)
    links = {name: (VenueLink(0),) if each.cell and seed % 2 else () for name, each in graph.channels.items()}
    channels = VenueChannels(venues, links, contacts_of(table, graph, n=N, period=days))
    return [
        VenueAgents(graph, parameters, channels, threads=threads, route=route, filters=filters, **given)
        for threads, route, filters in ways
    ]


def public_of(graph, step):
    """Return numbers of the environment, the ends of their ranges among them."""
    return {name: (low, high, min(high, 0))[step % 3] for name, (low, high) in graph.public.items()}


def column(held):
    """Return a column as an array, wherever it is held."""
    return np.asarray(held)


def assert_same_bits(graph, plain, others, *, seed):
    """Move all on, and hold every field and every total against the interpreter's in each step."""
    for step in range(STEPS):
        for agents in others:
            tally = agents.tally_totals() if isinstance(agents, ModelAgents) else agents.tally()
            np.testing.assert_array_equal(tally, plain.tally_totals(), err_msg=f"seed {seed}, totals, step {step}")
            held = agents.state if isinstance(agents, ModelAgents) else {n: agents.column(n) for n in agents.fields}
            for name, values in held.items():
                said = f"seed {seed}, {name}, step {step}"
                np.testing.assert_array_equal(column(values), plain.state[name], err_msg=said)
        for agents in (plain, *others):
            agents.update(public_of(graph, step))


def look_at(seed, *, ways=WAYS):
    """Hold all engines against each other on models of one seed."""
    traced = trace(drawn_model(seed, calm=seed % 3 > 0))
    (plain,) = interpreted(traced, seed, [NumpyBackend])
    assert_same_bits(traced.graph, plain, compiled(traced, seed, ways), seed=seed)


def look_at_backends(seed):
    """Hold back ends against each other on models that move between cells, or pay along contacts."""
    traced = trace(drawn_model(seed, moves=seed % 2 == 0, pays=seed % 3 != 1))
    plain, *others = interpreted(traced, seed, [NumpyBackend, NumbaBackend, TorchBackend])
    assert_same_bits(traced.graph, plain, others, seed=seed)


def test_a_drawn_model_has_the_interpreters_bits_where_it_is_compiled():
    look_at(5, ways=WAYS[:2])


@pytest.mark.slow
@pytest.mark.parametrize("look", [look_at, look_at_backends])
def test_drawn_models_have_the_interpreters_bits_on_all_engines(look):
    for seed in range(40):
        look(seed)


if __name__ == "__main__":
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        for each in (look_at, look_at_backends):
            try:
                each(number)
                print(number, each.__name__, "same", flush=True)
            except Exception as error:
                print(number, each.__name__, type(error).__name__, str(error).replace("\n", " ")[:400], flush=True)
