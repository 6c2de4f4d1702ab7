"""S-E-I-R agents of the library in venues and cells have the bits of a plain simulation, waning too."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.models.library.seir_channels import rate_names
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.cells import pressure
from tests.plain_epidemic import PlainEpidemic, S
from tests.repetitions import repetitions

N, BANDS, STEPS, CELLS, BITS, F = 500, 3, 25, 5, 12, 24
DRAWN = settings(max_examples=repetitions(20), suppress_health_check=list(HealthCheck))
weights = st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any)


def law(parts):
    scaled = [LAW_TOTAL * part // sum(parts) for part in parts]
    scaled[int(np.argmax(scaled))] += LAW_TOTAL - sum(scaled)
    return tuple(scaled)


def venues_of(generator):
    """Draw homes, workplaces that some have, and wards that mix by age."""
    home = generator.integers(N // 3, size=N).astype(np.int32)
    work = generator.integers(-1, 20, size=N).astype(np.int32)
    ward = generator.integers(4 * BANDS, size=N).astype(np.int32)
    mixing = generator.integers(1, 600, size=(BANDS, BANDS))
    return Venues.of(
        [
            Setting("home", home, np.full(N // 3, 2)),
            Setting("work", work, generator.integers(1, 30, size=20)),
            Setting("ward", ward, np.full(4 * BANDS, N // 12), mixing),
        ]
    )


def heard(venues, says):
    """Return each agent's exposure on each channel, int64[n, c], in numpy."""
    contact = np.zeros((venues.n, len(venues.settings)), dtype=np.int64)
    for channel, setting in enumerate(venues.settings):
        there = setting.venue >= 0
        total = np.zeros(setting.size.size, dtype=np.int64)
        np.add.at(total, setting.venue[there], says[there, channel])
        share = setting.share(total, setting.size, setting.mixing, scale=1 << BITS)
        contact[there, channel] = share[setting.venue[there]]
    return contact


def agents_of(table, venues, cell, cells, *, key, threads):
    """Return the library's agents of a table, whose betas are weights of the settings."""
    links = tuple(VenueLink(place, 1 << BITS, (each,)) for place, each in enumerate(table.beta))
    settings, mixing = list(venues.settings), ()
    if cells:
        people = np.full(cells, N // CELLS)
        settings.append(Setting("cells", cell, people, people=people))
        mixing = (VenueLink(len(links)),)
    graph, name = graph_of(table._replace(beta=(1,))), rate_names(1)[0]
    channels = VenueChannels(Venues.of(settings), {"contact": links, "mixing": mixing})
    numbers = {**graph.parameters, name: 1}
    return VenueAgents(graph.graph, numbers, channels, key=key, agents=2**40, threads=threads)


@given(
    seed=st.integers(0, 2**32),
    key=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    latent=weights.map(law),
    infectious=weights.map(law),
    waning=st.one_of(st.just(()), weights.map(law)),
    cells=st.sampled_from([0, CELLS]),
)
@DRAWN
def test_compiled_agents_are_a_plain_simulation_to_the_bit(seed, key, latent, infectious, waning, cells):
    generator = np.random.default_rng(seed)
    venues = venues_of(generator)
    beta = tuple(generator.integers(0, 2 ** (F - BITS - 2), size=3).tolist())
    given = {"latent": latent, "infectious": infectious, "waning": waning, "initial": LAW_TOTAL // 20, "f": F}
    table = TableIntegers(beta=beta, cell_beta=2 ** (F - 4), **given)
    cell = generator.integers(CELLS, size=N if cells else 0).astype(np.int32)
    compiled = [agents_of(table, venues, cell, cells, key=key, threads=threads) for threads in (1, 2)]
    plain = PlainEpidemic(table, np.arange(N, dtype=np.uint64) + np.uint64(2**40), key)
    for _ in range(STEPS):
        says = np.tile(plain.says()[:, None], (1, 4))
        totals = generator.integers(0, 2 * N // CELLS, size=cells)
        own = np.bincount(cell, weights=says[:, 3], minlength=cells) if cells else []
        for agents in compiled:
            np.testing.assert_array_equal(agents.cell_totals("mixing"), own)
            agents.update(everybody={"mixing": totals} if cells else {})
        hazard = pressure(totals, np.full(cells, N // CELLS), table.cell_beta)
        plain.update(heard(venues, says), hazard[cell] if cells else np.zeros(N, dtype=np.int64))
        for agents in compiled:
            np.testing.assert_array_equal(agents.stage, plain.state["stage"])
            np.testing.assert_array_equal(agents.tally(), plain.tally())
            if not waning:
                susceptible = plain.state["stage"] == S
                left = agents.save()["level_infection"]
                np.testing.assert_array_equal(left[susceptible], (plain.state["tau"] - plain.level)[susceptible])
