"""Testbeds drawn by hypothesis, for the tests that hold a private run against another one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import strategies as st

from client_sdk.private.contacts import ContactTable
from lpm_secure.testbed.testbed import Testbed

LAW_TOTAL = 2**32


@st.composite
def laws(draw):
    """Draw a law of one to five days."""
    weights = draw(st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any))
    law = [weight * LAW_TOTAL // sum(weights) for weight in weights]
    law[weights.index(max(weights))] += LAW_TOTAL - sum(law)
    return tuple(law)


def contact_table(rng, *, m, n, c, period, largest):
    """Draw m contacts, repeated ones and weights of zero among them."""
    if n < 2:
        m = 0
    a = rng.integers(0, max(n, 1), m)
    b = (a + rng.integers(1, max(n, 2), m)) % max(n, 1)
    day, channel, weight = (rng.integers(0, top, m) for top in (period, c, largest + 1))
    return ContactTable(day, a, b, channel, weight)


def heaviest(table):
    """Return the largest sum of weights between two agents on one channel and day."""
    sums = Counter()
    for day, a, b, channel, weight in zip(table.day, table.a, table.b, table.channel, table.weight, strict=True):
        sums[int(day), *sorted((int(a), int(b))), int(channel)] += int(weight)
    return max(sums.values(), default=0)


@pytest.fixture(scope="session")
def testbeds(seir, manifest_of):
    """Return a strategy of whole runs: parties, agents, contacts, cells, parameters and seeds."""

    @st.composite
    def drawn(draw, **changes):
        sizes = draw(st.lists(st.integers(0, 6), min_size=1, max_size=12))
        n, c, period = sum(sizes), draw(st.integers(1, 4)), draw(st.integers(1, 4))
        engine, cells = draw(st.booleans()), draw(st.integers(0, 3))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        numbers = rng.choice(2**40, n, replace=False)
        table = contact_table(
            rng, m=draw(st.integers(0, 8 * n)), n=n, c=c, period=period, largest=draw(st.integers(1, 50))
        )
        f = draw(st.integers(8, 40))
        rates = draw(st.lists(st.sampled_from([0.0, 0.01, 0.03, 0.1, 0.5]), min_size=c, max_size=c))
        model = seir(
            listed=changes.get("gradient") is None,
            beta=tuple(round(rate * 2**f) for rate in rates),
            cell_beta=round(draw(st.sampled_from([0.0, 0.3, 1.0])) * 2**f),
            latent=draw(laws()),
            infectious=draw(laws()),
            initial=round(draw(st.sampled_from([0.0, 0.1, 0.4, 1.0])) * LAW_TOTAL),
            f=f,
        )
        manifest = manifest_of(
            [own.tolist() for own in np.split(numbers, np.cumsum(sizes)[:-1])],
            k=changes.pop("k", None) or draw(st.integers(2, 4)),
            model=model,
            steps=draw(st.integers(1, 12)),
            period=period,
            max_message=max(heaviest(table), 1),
            cells=tuple(draw(st.lists(st.integers(1, 60), min_size=cells, max_size=cells))),
            engine=engine,
            testbed_seed=draw(st.integers(0, 2**63 - 1)),
            **{"min_cohort": draw(st.integers(1, sum(map(bool, sizes)) or len(sizes)))} | changes,
        )
        cell = rng.integers(0, cells, n) if cells else np.zeros(0, dtype=np.int64)
        return Testbed(manifest, table, cell, draw(st.integers(0, 40)) if engine else 0, "drawn", True)

    return drawn
