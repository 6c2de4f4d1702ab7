"""The library's S-E-I-R on graphs has the bits of a plain simulation, over drawn models."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client_sdk.private.contacts import ContactTable
from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.kernels.draws import block, key_of, log, uniform
from lpm_secure.engine.kernels.exposure import Traversal
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from protocols.arithmetic import distributions
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.jit import compile_kernel
from protocols.arithmetic.philox import DrawPurpose, words
from protocols.models.cells import pressure
from tests.epidemics import agents_on
from tests.plain_epidemic import PlainEpidemic
from tests.random_graph import random_graph
from tests.repetitions import repetitions

DRAWN = settings(max_examples=repetitions(15), suppress_health_check=list(HealthCheck))


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
        out[i] = -log(uniform(block(key, numbers[i], purpose, np.uint64(0))[0]))


@given(key=keys, first=st.integers(0, 2**63))
@DRAWN
def test_compiled_draws_have_the_bits_of_the_protocols(key, first):
    numbers = np.arange(500, dtype=np.uint64) + np.uint64(first)
    drawn = np.empty(500)
    exponentials(key_of(key), numbers, int(DrawPurpose.THRESHOLD), drawn)
    np.testing.assert_array_equal(drawn, distributions.exponential(words(key, numbers, DrawPurpose.THRESHOLD)))


@given(
    seed=st.integers(0, 2**32),
    key=keys,
    latent=laws,
    infectious=laws,
    days=st.integers(1, 3),
    cells=st.integers(0, 4),
    waning=st.one_of(st.just(()), laws),
)
@DRAWN
def test_the_generated_step_and_a_plain_simulation_agree_bit_for_bit(
    seed, key, latent, infectious, days, cells, waning
):
    generator, f = np.random.default_rng(seed), 24
    n, steps, beta = 150, 30 if waning else 12, int(generator.integers(2 ** (f - 2)))
    given = {"latent": latent, "infectious": infectious, "waning": waning, "initial": LAW_TOTAL // 8, "f": f}
    table = TableIntegers(beta=(beta,), cell_beta=2 ** (f - 3) if cells else 0, **given)
    contacts = table_of(generator, n, edges=400, days=days, channels=1)
    numbers = generator.integers(2**63, size=n, dtype=np.uint64)
    cell = generator.integers(max(cells, 1), size=n) if cells else np.zeros(0, dtype=np.int64)
    plain = PlainEpidemic(table, numbers, key)
    rows = tuple(Csr.of(contacts, n=n, day=day) for day in range(days))
    people = np.full(cells, n)
    venues = Venues.of([Setting("cells", cell.astype(np.int32), people, people=people)]) if cells else Venues.nowhere(n)
    meet = VenueChannels(venues, {"contact": (), "mixing": (VenueLink(0),) if cells else ()}, {"contact": rows})
    ways = [(route, threads) for route in Traversal for threads in (1, 2)]
    model = graph_of(table)
    given = {"key": key, "agents": numbers}
    made = [
        VenueAgents(model.graph, model.parameters, meet, threads=threads, route=route, **given)
        for route, threads in ways
    ]
    for step in range(steps):
        says = plain.says()
        totals = np.bincount(cell, weights=says, minlength=cells).astype(np.int64) if cells else np.zeros(0, np.int64)
        plain.update(
            heard(contacts, says, step % days), pressure(totals, people, table.cell_beta)[cell] if cells else 0
        )
        for agents in made:
            if cells:
                np.testing.assert_array_equal(agents.cell_totals("mixing"), totals)
            agents.update(everybody={"mixing": totals} if cells else {})
            np.testing.assert_array_equal(agents.stage, plain.state["stage"])
            np.testing.assert_array_equal(agents.column("timer"), plain.state["timer"])
            np.testing.assert_array_equal(agents.tally(), plain.tally())


def heard(table, says, day):
    """Return int64[n, 1], what reaches each agent on a day."""
    total, on = np.zeros((says.size, 1), dtype=np.int64), table.day == day
    for teller, hearer in ((table.a, table.b), (table.b, table.a)):
        np.add.at(total[:, 0], hearer[on], says[teller[on]] * table.weight[on])
    return total


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
