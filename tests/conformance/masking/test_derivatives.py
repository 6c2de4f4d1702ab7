"""Active runs with derivatives: who leaves its ranges is named, lies end the run alike, and a score has its noise."""

import numpy as np
import pytest

from aggregator.masking.noise import noise_of
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.releases.query import NOISE, Release, Releases
from tests.conformance.masking.test_exposures import EXPOSURE_LIES
from tests.epidemics import relaxed_parameters
from tests.masked_endings import endings

LIES = tuple(EXPOSURE_LIES)[:: len(EXPOSURE_LIES) // 2]
AGENT = {"sensitivity": 1, "unit": "contribution"}
STEPS = 2
WORLDS = (0, 7, 2**20)  # the derivative of what client-0 tells agent 2


@pytest.fixture
def begin(manifest_of, seir):
    def start(**given):
        model = seir(beta=(2**20,), f=24)
        gradient = Gradient(way="tangents", parameters=tuple(relaxed_parameters(model))[:2], stays="geometric")
        fixed = {"mode": "sum", "security": "active", "steps": STEPS, "max_message": 4, "min_cohort": 2}
        manifest = manifest_of(((1, 2), (3, 4), (5,)), model=model, gradient=gradient, engine=True, **fixed)
        return MaskedRun.draw(manifest, **given).start()

    return start


def words(run, derivative):
    """Return all clients' words: a value and two derivatives for each agent, and of each stage."""
    layout, spoken = run.plan.layout, {name: np.zeros((5, 3), np.int64) for name in run.plan.names}
    if run.aggregators[0].number < STEPS:
        spoken["client-0"][2] = 2**31, derivative, -derivative
    return {name: layout.pack(each, np.zeros(0, np.int64), np.zeros(12, np.int64)) for name, each in spoken.items()}


def play(run, derivative, rounds=STEPS + 1):
    return [run.play(words(run, derivative), np.zeros(0, np.int64)) for _ in range(rounds)]


@pytest.mark.parametrize("derivative", WORLDS)
def test_clients_are_told_exposures_with_their_derivatives_of_either_sign(derivative, begin):
    *steps, closing = play(begin(), derivative)
    assert not closing["client-1"].outcomes.any()
    for readings in steps:
        assert readings["client-1"].outcomes.tolist() == [[2**31, derivative, -derivative], [0, 0, 0]]
        assert not readings["client-0"].outcomes.any()


def test_a_derivative_beyond_the_clip_of_a_clients_agents_is_named_and_the_others_go_on(begin):
    run = begin()
    largest = 2 * 4 * run.plan.manifest.gradient.clip_word
    assert play(run, largest, rounds=1)[0]["client-1"].refused == ()
    told = run.play(words(run, 2 * largest + 1), np.zeros(0, np.int64))
    assert told["client-1"].refused == ("client-0",)
    assert not told["client-1"].outcomes.any()


@pytest.mark.parametrize("known", [{}, {"stage": 3}])
def test_who_tells_less_than_nothing_is_named_and_nobody_else_whether_agents_were_susceptible_or_not(known, begin):
    run = begin()
    columns, told = {name: np.full(2, stage) for name, stage in known.items()}, words(run, 0)
    agents = ChainAgents.of_run(run.plan.manifest.relaxation, columns=columns, cell=np.zeros(0, np.int64), n=2)
    lie = np.zeros((5, 3), np.int64)
    lie[2:4, 0] = -(2**34)  # 4 people, in a value's fixed point
    for step in range(STEPS):
        told["client-0"] = run.plan.layout.pack(lie, np.zeros(0, np.int64), np.zeros(12, np.int64))
        own = agents.tally().reshape(-1)
        told["client-1"] = run.plan.layout.pack(np.zeros((5, 3), np.int64), np.zeros(0, np.int64), own)
        heard = run.play(told, np.zeros(0, np.int64))["client-1"]
        assert heard.refused == (() if step else ("client-0",))
        assert "client-1" in heard.accepted
        agents.update(heard.outcomes.reshape(2, 1, 3), np.zeros((0, 3), np.int64), step=step)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_in_a_run_with_derivatives_ends_it_alike_in_all_worlds(lie, begin):
    assert len(endings(EXPOSURE_LIES[lie], begin, play, WORLDS)) == 1


@pytest.fixture
def scored(manifest_of):
    """Return the manifest of a run of one step whose score of two words has noise."""
    traced = trace(LabourMarket)
    model = GraphModel(traced.graph, traced.parameters)
    gradient = Gradient(way="score", parameters=("unemployment", "layoff"), clip=64.0, tangent_bits=12)
    noised = Release(name="score", mechanism=NOISE, sigma=1.5, times=2, epsilon=9.0, delta=1e-3, **AGENT)
    return manifest_of(
        ((1, 2), (3, 4)),
        model=model,
        model_hash=model.digest,
        channels=model.contact_channels,
        cells=(9,),
        mode="outcome",
        security="active",
        steps=1,
        min_cohort=2,
        engine=True,
        gradient=gradient,
        releases=Releases(each=(Release(name="tally"), Release(name="cells"), noised)),
    )


def test_a_score_has_noise_of_each_operator_by_what_an_agent_changes_in_its_own_round_alone(scored):
    plan = MaskedRun.draw(scored).plan
    closing = scored.schedule.rounds - 1
    assert plan.noises(closing - 2) == ()
    changes = [sigma for _, _, sigma in plan.noises(closing)]
    assert changes == [1.5 * change for change in scored.score_changes]
    drawn = np.stack([noise_of(plan, bytes([key]) * 32, closing, b"question") for key in range(200)])
    assert not drawn[:, :-2].any()
    assert drawn[:, -2:].std(axis=0) == pytest.approx(changes, rel=0.25)
    assert abs(np.corrcoef(drawn[:, -2:].T)[0, 1]) < 0.3


def test_a_score_of_a_client_beyond_its_clip_is_out_of_range_and_none_is_told_before_the_last_round(scored):
    plan = MaskedRun.draw(scored).plan
    closing = scored.schedule.rounds - 1
    largest = 2 * scored.gradient.clip_word
    for number, word, holds in ((closing, largest, True), (closing, -largest, True), (closing, 2 * largest, False)):
        checked, bits = last_of(plan, number, word)
        assert (checked < 2**bits) is holds
    checked, bits = last_of(plan, closing - 2, 1)
    assert (checked, bits) == (1, 0)


def last_of(plan, number, word):
    """Return what is checked of a score's last word, and of how many bits it may be."""
    x = np.zeros(plan.count("client-0", number), np.int64)
    x[-1] = word
    checked = plan.words_to_check(x.view(np.uint64), "client-0", number)
    return int(checked[-1]), int(plan.shape("client-0", number).bits[-1])
