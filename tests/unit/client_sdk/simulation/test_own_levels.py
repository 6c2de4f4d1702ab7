"""Levels that begin anew, and weights that change by step: what a client tells of its agents in each step."""

import numpy as np
import pytest

from client_sdk.simulation.own_levels import OwnLevels
from lpm_secure.models.library.doses import FULL
from protocols.errors import ParameterError
from protocols.models.agent_model import AgentSource, StepInputs
from protocols.releases.query import Release, Releases
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.outcome_layout import split_columns, words_per_agent
from protocols.task.rounds import Phase
from tests.epidemics import Stage, doses_of

SHORT = (2**31, 2**31)
CAMPAIGN = doses_of(2, 4, 2**31, 64)


def begun(model, n):
    return model.agents.initial_state(AgentSource(np.arange(n, dtype=np.uint64), (5, 6)), {})


@pytest.fixture
def told(manifest_of, seir):
    return manifest_of([(1, 2), (3,)], mode="outcome", model=seir(waning=SHORT, doses=CAMPAIGN, f=24))


def own_levels(manifest):
    return OwnLevels.of(manifest.model.agents, manifest.level_bounds, 2)


def test_every_agent_tells_as_many_words_in_every_step(told):
    layout = Layout.of(told)
    assert words_per_agent(layout.outcomes) == layout.decision_words == 4
    assert layout.words(Phase.DECIDE, "client-0") == 8
    own = own_levels(told)
    state = begun(told.model, 2)
    quiet_words = own.words(state, own.grow(state, np.zeros((2, 1), dtype=np.int64)))
    own.restart(np.array([[True], [False]]))
    assert own.words(state, own.sum).size == quiet_words.size == 8
    assert split_columns(layout.outcomes, own.words(state, own.sum))[0]["anew"].tolist() == [1, 0]


def test_who_could_not_tell_that_an_agent_begins_anew_tells_it_later(told):
    own, state = own_levels(told), begun(told.model, 2)
    own.settle(np.array([[5], [6]]), told=True)
    own.restart(np.array([[True], [False]]))
    assert own.sum.tolist() == [[0], [6]]
    own.settle(own.grow(state, np.array([[1], [1]])), told=False)
    own.restart(np.array([[False], [False]]))  # a step in which nobody returns
    assert own.anew.tolist() == [[True], [False]]
    own.settle(own.grow(state, np.array([[1], [1]])), told=True)
    assert own.sum.tolist() == [[2 * FULL], [6 + 2 * FULL]]
    assert own.anew.tolist() == [[False], [False]]


def test_whoever_returns_begins_anew(told):
    model, state = told.model.agents, begun(told.model, 2)
    waits = state | {"stage": np.full(2, Stage.R), "timer": np.array([1, 5])}
    nothing = np.zeros((2, 1), dtype=np.int64)
    inputs = StepInputs(0, nothing, nothing, nothing, nothing[:, 0], nothing)
    after, anew = model.update(waits, inputs, AgentSource(np.arange(2, dtype=np.uint64), (1, 2)))
    assert after["stage"].tolist() == [Stage.S, Stage.R]
    assert anew.tolist() == [[True], [False]]


@pytest.mark.parametrize("name", ["incidence", "running"])
def test_noise_for_one_event_of_each_agent_is_refused_where_there_may_be_more(manifest_of, seir, name):
    releases = Releases(
        each=(Release(name=name, mechanism="discrete-gaussian", sigma=4.0, unit="contribution", epsilon=1.0),), rho=1.0
    )
    assert isinstance(manifest_of(releases=releases), Simulation)
    with pytest.raises(ParameterError, match="an agent may come back to S"):
        manifest_of(model=seir(waning=SHORT), releases=releases)
