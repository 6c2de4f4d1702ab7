"""Each release belongs to what a run computes, and no total of it wraps."""

import msgspec
import pytest

from protocols.errors import ParameterError, WouldWrap
from protocols.releases.query import Release, Releases
from protocols.task.checks import releases as checks

EXACT = Releases(each=(Release(name="tally"), Release(name="cells")))
NOISE = {"mechanism": "discrete-gaussian", "sigma": 3.0, "unit": "contribution", "epsilon": 1.0, "delta": 1e-6}


def of(*names, **given):
    return Releases(each=tuple(Release(name=name, **given) for name in names), rho=9.0 if given else 0.0)


def test_cells_are_released_where_there_are_some_and_only_there():
    checks.check_cells(EXACT, cells=3)
    checks.check_cells(of("tally"), cells=0)
    for given, cells in ((EXACT, 0), (of("tally"), 3)):
        with pytest.raises(ParameterError, match="is for runs with cells, and these cannot do without it"):
            checks.check_cells(given, cells=cells)


def test_a_simulation_has_no_secure_sum():
    checks.check_no_sum(EXACT)
    with pytest.raises(ParameterError, match="the release sum is of a secure sum"):
        checks.check_no_sum(of("sum"))


def test_noise_of_cells_covers_each_step_in_which_an_agent_speaks(seir):
    model = seir()
    longest = min(model.longest_message or 99, 20)
    checks.check_series(of("incidence", "cells", **NOISE, times=longest), model, steps=20)
    with pytest.raises(ParameterError, match="set times of cells to that"):
        checks.check_series(of("incidence", "cells", **NOISE), model, steps=20)


def test_a_series_of_one_event_is_refused_where_there_may_be_several(seir):
    class Returning:
        recurrence = "agents return to S"

    with pytest.raises(ParameterError, match=r"agents return to S, and incidence .* release the tally"):
        checks.check_series(of("incidence"), Returning(), steps=5)


def test_departures_are_not_released_exact_where_small_counts_are_suppressed(seir):
    checks.check_small_counts(seir().agents, of("tally"), cells=2)
    with pytest.raises(ParameterError, match="give their series noise"):
        checks.check_small_counts(seir().agents, of("incidence"), cells=2)


def test_totals_of_agents_and_cells_that_could_wrap_are_refused(seir):
    checks.check_tally(seir().agents, agents=1000, cells=(500, 500))
    with pytest.raises(ParameterError, match="says more than"):
        checks.check_tally(seir().agents, agents=2, cells=(2**33,))
    with pytest.raises(WouldWrap, match="the total of"):
        checks.check_tally(seir().agents, agents=2**63, cells=())


def test_norms_are_of_runs_with_tangents():
    noised = msgspec.structs.replace(of("incidence", **NOISE).each[0], norms=(1.0, 1.0))
    with pytest.raises(ParameterError, match="norms of incidence are of runs with tangents"):
        checks.check_derivatives(Releases(each=(noised,), rho=9.0), None, changes=(), agents=5, aggregators=2, steps=3)
