"""Immunity that wanes, and private doses: when agents return, what they draw then, and what is refused."""

import msgspec
import numpy as np
import pytest
import torch
from scipy import stats

from aggregator.on_shares.levels import Levels
from client_sdk.simulation.own_levels import OwnLevels
from protocols import canonical_json
from protocols.errors import ParameterError
from protocols.models import Exposure, Seir, Stage
from protocols.models.agent_model import AgentSource, StepInputs
from protocols.models.gradient import Gradient
from protocols.models.run_model import agent_model_of
from protocols.models.seir.doses import FULL, NEVER, Doses
from protocols.releases.query import Release, Releases
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.outcome_layout import split_columns, stack_columns, words_per_agent
from protocols.task.ranges import Ranges
from protocols.task.rounds import Phase

SHORT = (2**31, 2**31)
ONE = (2**32,)
CAMPAIGN = Doses(2, 4, 2**31, 64)


def quiet(n):
    return Exposure(np.zeros((n, 1), dtype=np.int64), np.zeros(n, dtype=np.int64))


def begun(model, n, **fields):
    state = dict(model.initial_state(np.arange(n, dtype=np.uint64), (5, 6), np.ones(n)))
    return state | {name: np.full_like(state[name], value) for name, value in fields.items()}


def test_what_is_not_asked_for_is_not_written_into_a_manifest(seir):
    assert b"waning" not in canonical_json.encode(seir())
    assert b"doses" not in canonical_json.encode(seir())
    for given in (seir(waning=SHORT), seir(doses=CAMPAIGN)):
        assert canonical_json.decode(canonical_json.encode(given), Seir, what="model") == given
        assert given.model().hash != seir().model().hash


@pytest.mark.parametrize("days", [1, 2, 5])
def test_an_agent_is_immune_for_as_many_steps_as_it_drew(seir, days):
    model = seir(waning=(0,) * (days - 1) + (2**32,))
    state, seen = begun(model, 3, stage=Stage.I, timer=1, hazard=7), []
    for _ in range(days + 2):
        state = model.model().update(state, quiet(3))
        seen.append(int(state["stage"][0]))
    assert seen == [Stage.R] * days + [Stage.S] * 2
    assert state["hazard"].tolist() == [0] * 3
    assert state["spell"].tolist() == [1] * 3


def test_what_is_heard_in_the_step_of_return_does_not_count(seir):
    model = seir(waning=ONE, beta=(1,))
    state = begun(model, 1, stage=Stage.R, timer=1)
    loud = Exposure(np.full((1, 1), 2**62), np.zeros(1, dtype=np.int64))
    state = model.model().update(state, loud)
    assert (state["stage"][0], state["hazard"][0]) == (Stage.S, 0)
    assert model.model().update(state, loud)["stage"][0] == Stage.E


def test_later_thresholds_are_exponential_and_spells_do_not_repeat_each_other(seir):
    model, drawn = seir(waning=ONE), []
    state = begun(model, 20_000, stage=Stage.R, timer=1)
    drawn.append(state["tau"] / 2.0**40)
    for _ in range(3):
        state = model.model().update(state | {"stage": np.full(20_000, Stage.R, np.int8)}, quiet(20_000))
        state = state | {"timer": np.ones(20_000, dtype=np.int16)}
        drawn.append(state["tau"] / 2.0**40)
    for one, tau in enumerate(drawn):
        assert stats.kstest(tau, "expon").pvalue > 1e-6
        for other in drawn[one + 1 :]:
            assert abs(np.corrcoef(tau, other)[0, 1]) < 0.04
    assert set(np.unique(state["latent"])) == {1, 2}


def test_torch_draws_later_spells_with_the_bits_of_numpy(seir):
    model = seir(waning=SHORT, doses=CAMPAIGN)
    state = begun(model, 300, stage=Stage.R)
    other = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    steps, hears = model.model(), np.random.default_rng(1)
    for _ in range(20):
        contact = hears.integers(0, 3, (300, 1))
        nothing = np.zeros(300, dtype=np.int64)
        state = steps.update(state, Exposure(contact, nothing))
        other = steps.update(other, Exposure(torch.from_numpy(contact), torch.from_numpy(nothing)))
    assert state["spell"].max() >= 2
    for name, value in state.items():
        assert other[name].numpy().dtype == value.dtype
        np.testing.assert_array_equal(other[name].numpy(), value)


def test_doses_protect_from_their_day_on_and_only_who_took_them(seir):
    model = seir(doses=CAMPAIGN)
    state, weights = begun(model, 4_000), []
    first = state["vaccine"].copy()
    for step in range(8):
        weights.append(state["susceptibility"])
        np.testing.assert_array_equal(state["susceptibility"], np.where(first <= step, 64, FULL))
        state = model.model().update(state, quiet(4_000))
    assert set(np.unique(first)) == {2, 3, 4, 5, NEVER}
    assert abs((first < NEVER).mean() - 0.5) < 0.05


@pytest.mark.parametrize("given", [{"first": -1}, {"days": 0}, {"coverage": 2**32 + 1}, {"left": FULL + 1}])
def test_doses_out_of_their_ranges_are_refused(given):
    with pytest.raises(ParameterError, match=f"{next(iter(given))} is .*; it must lie in"):
        Doses(**msgspec.to_builtins(CAMPAIGN) | given)


@pytest.fixture
def told(manifest_of, seir):
    return manifest_of([(1, 2), (3,)], mode="outcome", model=seir(waning=SHORT, doses=CAMPAIGN, f=24))


def own_levels(manifest):
    return OwnLevels.of(agent_model_of(manifest.model), manifest.level_bounds, 2)


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
    model, state = agent_model_of(told.model), begun(told.model, 2)
    waits = state | {"stage": np.full(2, Stage.R, np.int8), "timer": np.array([1, 5], np.int16)}
    nothing = np.zeros((2, 1), dtype=np.int64)
    inputs = StepInputs(0, nothing, nothing, nothing, nothing[:, 0], nothing)
    after, anew = model.update(waits, inputs, AgentSource(np.arange(2, dtype=np.uint64), (1, 2)))
    assert after["stage"].tolist() == [Stage.S, Stage.R]
    assert anew.tolist() == [[True], [False]]


def test_own_words_are_in_ranges_of_their_own(told):
    threshold = (told.level_bound + 1).bit_length()
    bits = Ranges(told).bits("client-1", told.schedule.number(1, Phase.DECIDE))
    assert bits.tolist()[1:] == [threshold, 1, FULL.bit_length()]


class Alone:
    """Multiplies what it is given as if it were everything."""

    def multiply(self, x, y):
        return x * y


def test_hazards_begin_anew_before_what_was_heard_is_weighted_and_added(told):
    layout = Layout.of(told)
    hidden = Levels(*(np.array([row], dtype=np.uint64) for row in ([10, 20, 30], [0] * 3, [0] * 3, [3, 4, 5])))
    columns = {"level": [1, 2, 9], "threshold": [7, 8, 9], "anew": [1, 0, 1], "weight": [256, 64, 256]}
    words = stack_columns(layout.outcomes, [{name: np.array(column) for name, column in columns.items()}])
    words[8:] = 0  # the second client told nothing
    level = hidden.multiply(Alone(), layout, total=words, members=["client-0"])
    assert level.tolist() == [[3 * 256, 20 + 4 * 64, 30]]
    after = hidden.replace_own(layout, words, ["client-0"]).replace_levels(layout, ["client-0"], level)
    assert (after.own.tolist(), after.tau.tolist(), after.exposure.tolist()) == ([[1, 2, 0]], [[7, 8, 0]], [[0, 0, 5]])
    assert Levels.decode(after.encode() + b"what stands behind", layout).encode() == after.encode()


def test_derivatives_are_refused_for_what_they_do_not_know(manifest_of, seir):
    for model in (seir(waning=SHORT), seir(doses=CAMPAIGN)):
        with pytest.raises(ParameterError, match="derivatives know neither immunity that wanes nor private doses"):
            manifest_of(model=model, min_cohort=2, gradient=Gradient(way="tangents", parameters=("initial",)))


@pytest.mark.parametrize("name", ["incidence", "running"])
def test_noise_for_one_event_of_each_agent_is_refused_where_there_may_be_more(manifest_of, seir, name):
    releases = Releases(
        each=(Release(name=name, mechanism="discrete-gaussian", sigma=4.0, unit="contribution", epsilon=1.0),), rho=1.0
    )
    assert isinstance(manifest_of(releases=releases), Simulation)
    with pytest.raises(ParameterError, match="infected more than once"):
        manifest_of(model=seir(waning=SHORT), releases=releases)
