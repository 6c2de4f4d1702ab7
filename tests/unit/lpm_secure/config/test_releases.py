"""What `[releases]` of a configuration asks the manifest for."""

import msgspec
import pytest

from lpm_secure.accounting import ROUNDED, Cost, epsilon_of
from lpm_secure.config.releases import NoiseConfig, releases_for
from protocols.errors import BudgetSpent, ConfigError
from protocols.models.gradient import Gradient
from protocols.task.release_plan import ReleasePlan


def test_a_budget_becomes_a_sigma_that_keeps_it(seir):
    releases = releases_for(NoiseConfig(epsilon=2.0, cells_epsilon=4.0), seir(), steps=20, cells=True)
    incidence, cells = releases.each
    assert incidence.sigma == pytest.approx(2.23, abs=0.02)
    assert cells.times == len(seir().parameters["infectious_law"]) + 1
    assert epsilon_of([Cost(cells.sigma, 1, cells.times)], cells.delta) <= 4.0


def test_the_budget_is_enough_for_the_whole_run_and_for_no_smaller_sigma(seir):
    releases = releases_for(NoiseConfig(epsilon=2.0, cells_epsilon=4.0), seir(), steps=20, cells=True)
    assert releases.require({"incidence": 21, "cells": 21}) == pytest.approx(releases.rho)
    with pytest.raises(BudgetSpent, match="is left"):
        msgspec.structs.replace(releases, rho=releases.rho / 2).require({"incidence": 1, "cells": 3})


def test_running_totals_keep_the_promise_by_the_law_that_an_audit_counts_with(manifest_of, seir):
    """An event changes a vector by its norm, no number by a fixed amount: the lattice's 1.17 would cost 4.09."""
    releases = releases_for(NoiseConfig(series="running", epsilon=4.0), seir(), steps=20, cells=False)
    [opened] = ReleasePlan.of(manifest_of(steps=20, releases=releases)).records(3)
    assert epsilon_of([Cost(opened.sigma, opened.sensitivity, opened.times)], opened.delta) <= 4.0 * (1 + ROUNDED)
    assert releases_for(NoiseConfig(epsilon=4.0), seir(), steps=20, cells=False).each[0].sigma < 1.19


def test_norms_of_cells_that_have_no_noise_are_refused(seir):
    gradient = Gradient(parameters=("initial",), way="tangents")
    noise = NoiseConfig(epsilon=1.0, cells_norms=(1.0, 2.0))
    with pytest.raises(ConfigError, match=r"\[releases\] has cells_norms, and the run no cells: leave it out"):
        releases_for(noise, seir(), steps=20, cells=False, gradient=gradient)


def test_without_an_epsilon_of_their_own_cells_stay_exact(seir):
    assert releases_for(None, seir(), steps=20, cells=True) is None
    exact = releases_for(NoiseConfig(epsilon=2.0), seir(), steps=20, cells=True)
    assert [each.mechanism for each in exact.each] == ["discrete-gaussian", "exact"]
    assert len(releases_for(NoiseConfig(epsilon=2.0), seir(), steps=20, cells=False).each) == 1


def test_where_immunity_wanes_cells_alone_have_noise_for_every_step_an_agent_may_speak_in(manifest_of, seir):
    waning = seir(waning=(2**31, 2**31))
    releases = releases_for(NoiseConfig(cells_epsilon=4.0), waning, steps=20, cells=True)
    assert [each.name for each in releases.each] == ["tally", "cells"]
    assert releases.of("cells").times == 21
    manifest_of(cells=(30,), steps=20, model=waning, mode="outcome", releases=releases)


def test_an_epsilon_of_nothing_is_refused(seir):
    with pytest.raises(ConfigError, match="names no epsilon"):
        NoiseConfig()
    with pytest.raises(ConfigError, match="the run no cells"):
        releases_for(NoiseConfig(epsilon=1.0, cells_epsilon=4.0), seir(), steps=20, cells=False)


def test_cells_of_a_models_graph_have_noise_for_every_step(manifest_of, seir):
    from lpm_secure.config.graph_model import graph_model_of

    graph = graph_model_of("lpm_secure.models.library.seir:SeirModel", {})
    releases = releases_for(NoiseConfig(cells_epsilon=4.0), graph, steps=20, cells=True)
    assert releases.of("cells").times == 21
    given = {"cells": (30,), "steps": 20, "mode": "outcome", "releases": releases}
    manifest_of(model=graph, model_hash=graph.digest, channels=graph.contact_channels, max_message=1, **given)
