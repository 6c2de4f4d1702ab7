"""Derivatives of an active run equal those of the clear run, to the last bit: tangents, adjoints and scores."""

import asyncio

import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from client_sdk.gradients.participant import take_part_over
from lpm_secure.gradients.private.adjoints import PrivateAdjoints
from lpm_secure.gradients.private.score import simulate_scores
from lpm_secure.gradients.private.tangents import simulate_tangents, synthetic_part
from lpm_secure.testbed.masked_parties import start_parties
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.errors import ParameterError, WouldWrap
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from tests.conformance.parity import test_adjoints, test_scores_of_models, test_tangents_of_models
from tests.conformance.parity.conftest import has_holders
from tests.conformance.parity.test_adjoints_of_models import gradient_of, weights_of, with_adjoints
from tests.conformance.parity.test_scores_of_models import with_scores
from tests.conformance.parity.test_tangents_of_models import own_testbeds, with_tangents

ACTIVE = {"k": 2, "security": "active"}
CPU = torch.device("cpu")


def slow(few, *names):
    return [*few, *(pytest.param(name, marks=pytest.mark.slow) for name in names)]


def play(testbed, drive):
    """Return what `drive(engine)` comes to over the parties of an active run, and all clients."""
    manifest = testbed.manifest
    try:
        run = MaskedRun.draw(manifest)
    except WouldWrap:
        reject()

    async def client(name, parties):
        joined = await take_part_over(manifest, testbed.private_state(name), parties.exchange(name))
        await joined.run()
        assert not joined.missed

    async def everybody():
        with start_parties(run) as parties:
            clients = (client(party.name, parties) for party in manifest.clients)
            return (await asyncio.gather(drive(parties.engine), *clients))[0]

    return asyncio.run(everybody())


@pytest.mark.parametrize("name", slow(["library-seir"], "library-doses", "library-seirs", "library-strains"))
@settings(max_examples=2)
@given(draw=st.data())
def test_masked_tangents_equal_the_clear_ones(name, draw, graph_testbeds):
    testbed = with_tangents(draw.draw(own_testbeds(graph_testbeds, name, **ACTIVE)), draw)
    private = play(
        testbed,
        lambda engine: simulate_tangents(
            testbed.manifest.relaxation, ReleasePlan.of(testbed.manifest), engine, synthetic_part(testbed)
        ),
    )
    assert private.counts.tobytes() == test_tangents_of_models.run_clear(testbed).counts.tobytes()


@pytest.mark.parametrize("name", slow(["library-seir"], "library-doses", "library-seirs", "library-strains"))
@settings(max_examples=2)
@given(draw=st.data())
def test_masked_adjoints_equal_the_clear_ones(name, draw, graph_testbeds):
    testbed = draw.draw(own_testbeds(graph_testbeds, name, **ACTIVE))
    testbed = with_adjoints(testbed, draw, value_bits=30, tangent_bits=24)
    body = gradient_of(testbed, weights_of(testbed), moved=draw.draw(st.sampled_from([0.0, 1e-4])))

    async def drive(engine):
        private = PrivateAdjoints(
            testbed.manifest.relaxation, Layout.of(testbed.manifest), engine, asyncio.get_running_loop()
        )
        return await asyncio.to_thread(body, private)

    (loss, grad), (clear_loss, clear_grad) = play(testbed, drive), test_adjoints.clear_run(testbed, body)
    assert loss == clear_loss
    assert grad.tobytes() == clear_grad.tobytes()


def draw_testbed(data, graph_testbeds, name, *, mode, suits=has_holders):
    drawn = graph_testbeds(name, mode=mode, engine=True, min_cohort=1, **ACTIVE).filter(suits)
    return with_scores(data.draw(drawn))


def check_scores(testbed):
    synthetic, environment = testbed.synthetic_agents(CPU), testbed.new_environment()
    private = play(
        testbed, lambda engine: simulate_scores(testbed.manifest, engine, synthetic, environment=environment)
    )
    clear = test_scores_of_models.run_clear(testbed)
    assert private.score.tobytes() == clear.score.tobytes()
    assert private.series.hash == clear.series.hash


def plain(testbed):
    """Tell whether scores are of draws alone, with no common factor of levels."""
    return has_holders(testbed) and not with_scores(testbed).manifest.gradient.factors


@pytest.mark.parametrize("name", slow(["library-work"], "library-opinion", "seasons", "banks", "closures"))
@settings(max_examples=2)
@given(data=st.data())
def test_masked_scores_of_draws_equal_the_clear_ones(name, data, graph_testbeds):
    check_scores(draw_testbed(data, graph_testbeds, name, mode="outcome", suits=plain))


@pytest.mark.parametrize("name", slow(["library-seir"], "library-doses", "library-strains", "crowds", "seasons"))
@settings(max_examples=2)
@given(data=st.data())
def test_masked_scores_by_levels_equal_the_clear_ones_in_sum_mode(name, data, graph_testbeds):
    check_scores(draw_testbed(data, graph_testbeds, name, mode="sum"))


@settings(max_examples=1)
@given(data=st.data())
def test_a_score_by_a_common_factor_is_refused_in_one_line_in_outcome_mode(data, graph_testbeds):
    testbed = draw_testbed(data, graph_testbeds, "library-seir", mode="outcome")
    with pytest.raises(ParameterError, match="needs scores by a common factor in outcome mode") as error:
        MaskedRun.draw(testbed.manifest)
    assert "\n" not in str(error.value)
