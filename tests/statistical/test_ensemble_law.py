"""Runs that are computed at once have the law of runs that are computed one by one, for every library model.

Held are means of all totals on five days, and of the last day their whole distribution, by Kolmogorov and Smirnov over
200 single runs. Seeds are fixed; a bound would be passed by chance once in a thousand sets of them.
"""

import numpy as np
import pytest
from scipy import stats

from lpm_secure.engine.bitslice.agents import LaneAgents
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.seir import SeirModel
from tests.lane_worlds import MODELS, lane_model, single_runs, uneven, world

N, STEPS, LANES, SINGLE = 600, 24, 512, 200
DAYS = (0, 1, 3, 12, 24)
QUICK = (SeirModel, Opinion)  # the others are of `make test-all`
LEVEL = 1e-3


def at_once(given):
    """Return int64[lanes, T + 1, q]."""
    agents = LaneAgents(lane_model(given, STEPS), lanes=LANES, key=b"law")
    totals = [agents.totals]
    for _ in range(STEPS):
        agents.update()
        totals.append(agents.totals)
    return np.stack(totals, axis=1)


@pytest.mark.parametrize("contacts", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in MODELS]
)
def test_runs_at_once_have_the_law_of_single_runs(kind, contacts):
    compare(world(kind, n=N, contacts=contacts))


@pytest.mark.parametrize("contacts", [False, True])
def test_they_have_it_where_days_and_contacts_differ(contacts):
    compare(uneven(world(SeirModel, n=N, contacts=contacts)))


def compare(given):
    """Hold runs at once against runs one by one."""
    many, single = at_once(given), single_runs(given, STEPS, range(SINGLE))
    comparisons = len(DAYS) * many.shape[2]
    for column in range(many.shape[2]):
        for day in DAYS:
            one, other = many[:, day, column], single[:, day, column]
            error = np.sqrt(one.var() / LANES + other.var() / SINGLE)
            bound = stats.norm.isf(LEVEL / comparisons / 2)
            assert abs(one.mean() - other.mean()) <= max(bound * error, 1e-9), (day, column)
        ends = many[:, -1, column], single[:, -1, column]
        assert stats.ks_2samp(*ends).pvalue > LEVEL / many.shape[2]
