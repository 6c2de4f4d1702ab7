"""The library's S-E-I-R on graphs has the bits of the substeps on torch, on the CPU and CUDA, over drawn models."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.built_in import graph_of
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.kernels.draws import key_of, log, uniform, word
from lpm_secure.engine.kernels.exposure import Traversal
from lpm_secure.engine.kernels.random_graph import random_graph
from lpm_secure.engine.tensors.agents import Agents
from lpm_secure.engine.tensors.graph import Graph
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from protocols.arithmetic import distributions
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.jit import compile_kernel
from protocols.arithmetic.philox import DrawPurpose, words
from protocols.models.agent_model import AgentSource
from tests.epidemics import agents_on
from tests.repetitions import repetitions

DRAWN = settings(max_examples=repetitions(15), deadline=None, suppress_health_check=list(HealthCheck))
CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
)


def law(weights):
    """Return a law of days in units of 2**-32."""
    scaled = [LAW_TOTAL * weight // sum(weights) for weight in weights]
    scaled[-1] += LAW_TOTAL - sum(scaled)
    return tuple(scaled)


laws = st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any).map(law)
keys = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


def table_of(generator, n, *, edges, days, channels):
    """Draw a table of contacts."""
    a = generator.integers(n, size=edges)
    b = (a + generator.integers(1, n, size=edges)) % n
    columns = (generator.integers(days, size=edges), a, b, generator.integers(channels, size=edges))
    return ContactTable(*columns, generator.integers(4, size=edges))


@compile_kernel
def exponentials(key, numbers, purpose, out):
    """Fill `out`, float64[n], with draws of Exp(1)."""
    for i in range(numbers.size):
        out[i] = -log(uniform(word(key, numbers[i], purpose)))


@given(key=keys, first=st.integers(0, 2**63))
@DRAWN
def test_compiled_draws_have_the_bits_of_the_protocols(key, first):
    numbers = np.arange(500, dtype=np.uint64) + np.uint64(first)
    drawn = np.empty(500)
    exponentials(key_of(key), numbers, int(DrawPurpose.THRESHOLD), drawn)
    np.testing.assert_array_equal(drawn, distributions.exponential(words(key, numbers, DrawPurpose.THRESHOLD)))


@pytest.mark.parametrize("device", ["cpu", CUDA])
@given(
    seed=st.integers(0, 2**32),
    key=keys,
    latent=laws,
    infectious=laws,
    channels=st.integers(1, 3),
    days=st.integers(1, 3),
    cells=st.integers(0, 4),
    waning=st.one_of(st.just(()), laws),
)
@DRAWN
def test_the_generated_step_and_torch_agree_bit_for_bit(
    device, manifest_of, seir, seed, key, latent, infectious, channels, days, cells, waning
):
    generator, f = np.random.default_rng(seed), 24
    n, steps = 150, 30 if waning else 12
    beta = tuple(generator.integers(2 ** (f - 2), size=channels).tolist())
    cell_beta = 2 ** (f - 3) if cells else 0
    given = {"beta": beta, "cell_beta": cell_beta, "latent": latent, "infectious": infectious, "waning": waning}
    model = seir(**given, initial=LAW_TOTAL // 8, f=f)
    manifest = manifest_of([range(n)], model=model, steps=steps, period=days, cells=(n,) * cells)
    table = table_of(generator, n, edges=400, days=days, channels=channels)
    numbers = generator.integers(2**63, size=n, dtype=np.uint64)
    cell = generator.integers(max(cells, 1), size=n) if cells else np.zeros(0, dtype=np.int64)
    graph = Graph(table, n=n, c=channels, period=days, device=torch.device(device))
    plain = Agents(manifest, AgentSource(numbers, key), cell=cell, device=torch.device(device), graph=graph)
    rows = tuple(Csr.of(table, n=n, day=day, beta=beta) for day in range(days))
    people = np.array(manifest.cells, dtype=np.int64)
    venues = Venues.of([Setting("cells", cell.astype(np.int32), people, people=people)]) if cells else Venues.nowhere(n)
    meet = VenueChannels(venues, {"contact": (), "mixing": (VenueLink(0),) if cells else ()}, {"contact": rows})
    ways = [(route, threads) for route in Traversal for threads in (1, 2)]
    given = {"key": key, "agents": numbers}
    made = [VenueAgents(*graph_of(model), meet, threads=threads, route=route, **given) for route, threads in ways]
    for step in range(steps):
        totals = plain.cell_totals()
        plain.update(totals, step=step)
        stage, timer = (plain.state[name].cpu().numpy() for name in ("stage", "timer"))
        for agents in made:
            if cells:
                np.testing.assert_array_equal(agents.cell_totals("mixing"), totals)
            agents.update(everybody={"mixing": totals} if cells else {})
            np.testing.assert_array_equal(agents.stage, stage)
            np.testing.assert_array_equal(agents.column("timer"), timer)
            np.testing.assert_array_equal(agents.tally(), plain.tally())


def with_rows(graph, order):
    """Return a graph without weights whose row i is what row `order[i]` was."""
    rank = np.argsort(order).astype(np.int32)
    rows = [np.sort(rank[graph.indices[graph.indptr[row] : graph.indptr[row + 1]]]) for row in order]
    indptr = np.cumsum([0, *(row.size for row in rows)]).astype(graph.indptr.dtype)
    return Csr(indptr, np.concatenate(rows))


def test_ordering_agents_by_place_does_not_change_the_run(seir):
    graph = random_graph(2_000, mean_degree=10, seed=3)
    place = np.random.default_rng(3).integers(40, size=2_000)
    order = np.argsort(place, kind="stable")
    ordered = with_rows(graph, order)
    model = seir(beta=(2**18,), initial=LAW_TOTAL // 100, f=24)
    plain = agents_on(model, [graph], contact=2**18, key=(1, 2))
    moved = agents_on(model, [ordered], contact=2**18, key=(1, 2), agents=order.astype(np.uint64))
    for _ in range(20):
        plain.update()
        moved.update()
        np.testing.assert_array_equal(plain.stage[order], moved.stage)
