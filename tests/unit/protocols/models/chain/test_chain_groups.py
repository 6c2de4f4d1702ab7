"""Kinds of agents by what their holder knows, and hazards that are multiplied by an agent's own number."""

import numpy as np
import pytest

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import DataError
from protocols.models.agent_model import UNKNOWN, AgentSource
from protocols.models.chain.chain_adjoints import ChainAdjoints
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.dynamics import Relaxation
from protocols.models.gradient import Gradient
from protocols.models.likelihood.clocks import clocks_of
from protocols.models.relaxed_agents import Reception

NAMES = ("contact_rate", "initial")
NOBODY = np.zeros(0, dtype=np.int64)
LONG = (2**30,) * 4


def agents_of(model, columns, n, *, geometric=True):
    gradient = Gradient(way="tangents", parameters=NAMES, **({"stays": "geometric"} if geometric else {}))
    return ChainAgents.of_run(Relaxation(model, gradient, 6, ()), columns=columns, cell=NOBODY, n=n)


def hear(agents, each, step=0):
    """Move on, each agent by an exposure of its own, in units of 1."""
    contact = np.zeros((len(each), 1, 3), dtype=np.int64)
    contact[:, 0, 0] = np.asarray(each) << 32
    agents.update(contact, np.zeros((0, 3), dtype=np.int64), step=step)
    return agents.total_means()


@pytest.mark.parametrize("waning", [(), LONG])
def test_a_clock_may_be_divided_by_a_number_that_never_changes(seir, waning):
    graph = seir(waning=waning).graph
    assert clocks_of(graph) == {}
    (clock,) = clocks_of(graph, divided=True).values()
    assert (clock.field, clock.over, clock.over_bits) == ("tau", "susceptibility", 16)
    (plain,) = clocks_of(seir(waning=waning, listed=False).graph, divided=True).values()
    assert (plain.over, plain.bits) == (None, clock.bits)


def test_an_exposure_below_0_is_none_forth_and_with_derivatives(seir):
    model = seir(beta=(2**37,))
    found = [hear(agents_of(model, {}, 1), [told]) for told in (-1000, 0)]
    assert [each.value.tolist() for each in found[0]] == [each.value.tolist() for each in found[1]]
    gradient = Gradient(way="adjoints", parameters=NAMES, stays="geometric")
    agents = ChainAdjoints.of_run(Relaxation(model, gradient, 6, ()), columns={}, cell=NOBODY, n=1)
    theta, ends = np.zeros(2), []
    for told in (-1000.0, 0.0):
        heard = Reception(np.array([[told]]), np.zeros(0), theta)
        ends.append(agents.means(agents.move(agents.begin(theta), heard, step=0), theta, step=1))
    assert ends[0].tobytes() == ends[1].tobytes()


def test_hazards_are_multiplied_by_it_for_any_number_of_kinds(seir):
    n, model = 1_000, seir(beta=(2**37,), initial=0)
    own = np.arange(n) * 61 + 2**12
    own[3] = UNKNOWN
    value = hear(agents_of(model, {"susceptibility": own}, n), np.full(n, 3))[0].value
    share = np.where(own == UNKNOWN, 1.0, own / 2**16)
    np.testing.assert_allclose(value, np.exp(-3 * 2**-3 * share), rtol=1e-12)
    slope = hear(agents_of(model, {"susceptibility": own}, n), np.full(n, 3))[0].tangent[0]
    np.testing.assert_allclose(slope, -3 * share * value, rtol=1e-12)


def test_it_is_the_law_of_agents_that_are_drawn(seir):
    n, model = 40_000, seir(beta=(2**37,), initial=0)
    columns, source = {"susceptibility": np.full(n, 3 * 2**14)}, AgentSource(np.arange(n, dtype=np.uint64), (1, 2))
    thresholds = model.agents.thresholds(model.agents.initial_state(source, columns))[:, 0]
    grown = model.agents.increments(np.full((n, 1), 5), np.zeros((n, 1), dtype=np.int64))[:, 0]
    stays = hear(agents_of(model, columns, n), np.full(n, 5))[0].value[0]
    assert (grown <= thresholds).mean() == pytest.approx(stays, abs=4 * np.sqrt(stays / n))


def test_who_has_none_has_the_bits_of_a_model_without_it(seir):
    listed, plain = seir(beta=(2**37,)), seir(beta=(2**37,), listed=False)
    for step in range(3):
        found = [hear(agents_of(model, {}, 4), [1, 2, 3, 4], step) for model in (listed, plain)]
        for one, other in zip(*found, strict=True):
            assert one.value.tobytes() == other.value.tobytes()
            assert one.tangent.tobytes() == other.tangent.tobytes()


def test_known_stages_begin_there_and_a_stay_has_no_memory_of_its_days(seir):
    model = seir(latent=LONG, infectious=LONG, initial=2**30)
    columns = {"stage": np.array([0, 1, 1, 2, 3, UNKNOWN]), "since": np.array([UNKNOWN, 0, 3, 2, UNKNOWN, UNKNOWN])}
    agents = agents_of(model, columns, 6)
    begun = np.array([each.value for each in agents.total_means()])
    np.testing.assert_allclose(begun[:, :5], np.eye(4)[[0, 1, 1, 2, 3]].T)
    np.testing.assert_allclose(begun[:, 5], [1 - 2**30 / LAW_TOTAL, 0, 2**30 / LAW_TOTAL, 0])
    after = np.array([each.value for each in hear(agents, [0] * 6)])
    np.testing.assert_allclose(after[:, 1:3], [[0, 0], [0.6, 0.6], [0.4, 0.4], [0, 0]])


def test_a_stay_that_has_lasted_longer_than_its_law_says_is_refused_by_its_row(seir):
    columns = {"stage": np.array([UNKNOWN, 1]), "since": np.array([UNKNOWN, 9])}
    with pytest.raises(DataError, match="agent 2: stage E lasts less long"):
        agents_of(seir(latent=LONG), columns, 2)


def test_exact_stays_take_who_has_just_begun_one(seir):
    columns = {"stage": np.array([1]), "since": np.array([0])}
    agents = agents_of(seir(latent=LONG), columns, 1, geometric=False)
    after = [each.value[0] for each in hear(agents, [0])]
    np.testing.assert_allclose(after, [0, 0.75, 0.25, 0])
