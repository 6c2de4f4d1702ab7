"""S-E-I-R agents in venues and cells: the compiled ones give the bits of the substeps, for any number of threads."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpm_secure.engine.epidemic import SeirVenueAgents
from lpm_secure.engine.venues import Setting, Venues
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ParameterError, WouldWrap
from protocols.models import Exposure, Seir, Stage

N, BANDS, STEPS, CELLS, BITS, F = 500, 3, 25, 5, 12, 24
DRAWN = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
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


@given(
    seed=st.integers(0, 2**32),
    key=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    latent=weights.map(law),
    infectious=weights.map(law),
    waning=st.one_of(st.just(()), weights.map(law)),
    cells=st.sampled_from([0, CELLS]),
)
@DRAWN
def test_compiled_agents_are_the_substeps_to_the_bit(seed, key, latent, infectious, waning, cells):
    generator = np.random.default_rng(seed)
    venues = venues_of(generator)
    beta = tuple(generator.integers(0, 2 ** (F - BITS - 2), size=3).tolist())
    given = {"latent": latent, "infectious": infectious, "waning": waning, "initial": LAW_TOTAL // 20, "f": F}
    model = Seir(beta=beta, cell_beta=2 ** (F - 4), **given)
    cell = generator.integers(CELLS, size=N if cells else 0).astype(np.int32)
    compiled = [
        SeirVenueAgents(model, venues, key=key, first=2**40, share_bits=BITS, cell=cell, cells=cells, threads=threads)
        for threads in (1, 2)
    ]
    state = model.initial_state(np.arange(N, dtype=np.uint64) + np.uint64(2**40), key, np.ones(N))
    steps = model.model()
    for step in range(STEPS):
        says = steps.message(state, channels=3)
        pressure = generator.integers(0, 2 ** (F - 5), size=cells)
        totals = np.bincount(cell, weights=says[:, 3], minlength=cells) if cells else []
        for agents in compiled:
            np.testing.assert_array_equal(agents.cell_totals(), totals)
            agents.update(pressure, step=step)
        hazard = pressure[cell] if cells else np.zeros(N, dtype=np.int64)
        state = steps.update(state, Exposure(heard(venues, says), hazard))
        for agents in compiled:
            np.testing.assert_array_equal(agents.stage, state["stage"])
            np.testing.assert_array_equal(agents.tally(), steps.tally(state))
            susceptible = state["stage"] == Stage.S
            np.testing.assert_array_equal(agents.hazard(), np.where(susceptible, state["hazard"], 0))


NOWHERE = np.zeros(0, dtype=np.int32)


def made(*, cell=NOWHERE, cells=0, **changes):
    given = {"beta": (1, 1, 1), "cell_beta": 1, "latent": law([1]), "infectious": law([1]), "initial": 0, "f": F}
    venues = venues_of(np.random.default_rng(1))
    model = Seir(**given | changes)
    return SeirVenueAgents(model, venues, key=(1, 2), first=0, share_bits=BITS, cell=cell, cells=cells)


def test_betas_that_could_wrap_or_do_not_fit_are_refused():
    with pytest.raises(WouldWrap):
        made(beta=(2**50, 1, 1))
    with pytest.raises(ParameterError, match="3 settings for 2 channels"):
        made(beta=(1, 1))


def test_a_cell_that_is_not_there_is_refused():
    for cell, cells in ((np.zeros(N), 0), (np.full(N, 2), 2), (np.full(N, -1), 2), (np.zeros(3), 2)):
        with pytest.raises(ParameterError, match=f"{N} in {cells} cells"):
            made(cell=cell.astype(np.int32), cells=cells)


def test_a_step_out_of_order_is_refused():
    with pytest.raises(ParameterError, match="got step 3; the next is 0"):
        made().update(np.zeros(0, dtype=np.int64), step=3)
