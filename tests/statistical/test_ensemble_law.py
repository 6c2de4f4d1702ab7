"""Runs that are computed at once have the law of runs that are computed one by one, for every library model.

Held are means at the end, within 3 standard errors, and their whole distribution, by Kolmogorov and Smirnov, over 200
runs of one small population that never meet each other; of `make test-all` the same over 200 seeds, by the engine's own
totals, on five days, and along contacts. Seeds are fixed: of means that are drawn anew one in 370 would be further off.
"""

import numpy as np
import pytest
from scipy import stats

from lpm_secure.engine.bitslice.agents import LaneAgents
from lpm_secure.models.library.seir import SeirModel
from tests.lane_worlds import MODELS, ends_side_by_side, lane_model, single_runs, uneven, world

N, STEPS, LANES, SINGLE = 600, 24, 512, 200
SMALL, SHORT = 200, 40  # agents and steps of a run that `make test` has
DAYS = (0, 1, 3, 12, 24)
LEVEL, ERRORS = 1e-3, 3


def at_once(given, steps=STEPS, lanes=LANES):
    """Return int64[lanes, T + 1, q]."""
    agents = LaneAgents(lane_model(given, steps), lanes=lanes, key=b"law")
    totals = [agents.totals]
    for _ in range(steps):
        agents.update()
        totals.append(agents.totals)
    return np.stack(totals, axis=1)


@pytest.mark.parametrize("kind", MODELS)
def test_ends_of_runs_at_once_have_the_law_of_single_runs(kind):
    compare_small(world(kind, n=SMALL))


def test_they_have_it_where_days_and_contacts_differ():
    compare_small(uneven(world(SeirModel, n=SMALL, contacts=True)))


def compare_small(given):
    """Hold the last step of runs at once against that of runs which are computed one agent after the other."""
    many, single = at_once(given, SHORT, SINGLE)[:, -1], ends_side_by_side(given, SHORT, SINGLE)
    for column in range(single.shape[1]):
        compare_ends(many[:, column], single[:, column], level=LEVEL / single.shape[1])


def compare_ends(one, other, *, level):
    """Hold means against each other, and distributions."""
    error = np.sqrt(one.var() / one.size + other.var() / other.size)
    assert abs(one.mean() - other.mean()) <= max(ERRORS * error, 1e-9)
    assert stats.ks_2samp(one, other).pvalue > level


@pytest.mark.slow
@pytest.mark.parametrize("contacts", [False, True])
@pytest.mark.parametrize("kind", MODELS)
def test_runs_at_once_have_the_law_of_single_runs(kind, contacts):
    compare(world(kind, n=N, contacts=contacts))


@pytest.mark.slow
@pytest.mark.parametrize("contacts", [False, True])
def test_seeds_have_it_where_days_and_contacts_differ(contacts):
    compare(uneven(world(SeirModel, n=N, contacts=contacts)))


def compare(given):
    """Hold runs at once against seeds one by one: ends by 3 standard errors, other days by a bound for all of them."""
    many, single = at_once(given), single_runs(given, STEPS, range(SINGLE))
    bound = stats.norm.isf(LEVEL / len(DAYS) / many.shape[2] / 2)
    for column in range(many.shape[2]):
        for day in DAYS:
            one, other = many[:, day, column], single[:, day, column]
            error = np.sqrt(one.var() / LANES + other.var() / SINGLE)
            assert abs(one.mean() - other.mean()) <= max(bound * error, 1e-9), (day, column)
        compare_ends(many[:, -1, column], single[:, -1, column], level=LEVEL / many.shape[2])
