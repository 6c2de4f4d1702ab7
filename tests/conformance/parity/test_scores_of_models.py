"""The score of a private run of any model equals the clear run's, to the last bit; with late clients, too."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from client_sdk import Client
from client_sdk.private.state import simulation_key
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.score import ClearScores, simulate_scores
from protocols.models.agent_model import AgentSource
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.factors.level_factors import factors_of
from protocols.models.likelihood.graph_score import GraphScore
from protocols.models.likelihood.score_parameters import score_parameters
from protocols.task.parties import ENGINE
from protocols.task.release_plan import CohortRule
from tests.conformance.parity.conftest import has_holders
from tests.conformance.parity.test_absences import Late
from tests.conformance.parity.test_absences_of_models import ROUND_S, reference

CPU = torch.device("cpu")
INNER = {
    "attention": 2**31,
    "wavering": 2**30,
    "contact_rate": 2**28,
    "cell_rate": 2**28,
}  # probabilities not at an edge
OUTCOME = ("library-work", "library-opinion", "library-seirs", "library-supply", "seasons", "opinion", "banks")
OUTCOME += ("library-seir", "library-strains")  # common factors of levels, one and two of them
OUTCOME += ("closures", "panicking")  # public numbers, and messages made of contacts' own numbers
QUICK = ("library-work", "library-strains", "library-opinion", "library-seirs", "seasons", "closures", "panicking")
SUM = ("library-seir", "library-doses", "library-strains", "crowds", "seasons")


def slow(names, few):
    return [name if name in few else pytest.param(name, marks=pytest.mark.slow) for name in names]


def with_scores(testbed, clip=50.0):
    """Return the testbed with all scores that its model has in its mode, away from the edges of probabilities."""
    manifest, model = testbed.manifest, testbed.manifest.model
    given = model.parameters | {name: value for name, value in INNER.items() if name in model.parameters}
    model = GraphModel(model.graph, given)
    names = score_parameters(model, exact=manifest.mode == "sum").known
    gradient = Gradient(way="score", parameters=names, clip=clip, tangent_bits=30, largest_hazard=64.0)
    manifest = msgspec.structs.replace(manifest, model=model, gradient=gradient, min_cohort=2)
    thresholds = {factor.threshold for factor in factors_of(model, tuple(gradient.factors))}  # known, none has a score
    columns = {name: column for name, column in testbed.columns.items() if name not in thresholds}
    return dataclasses.replace(testbed, manifest=manifest, columns=columns)


def run_private(testbed, operators_of, around=None):
    manifest, missed = testbed.manifest, {}

    async def one(name, operators):
        transports = operators.transports(name) if around is None else around(name, operators)
        client = await Client.join(manifest, testbed.private_state(name), transports)
        await client.run()
        missed[name] = sorted(client.missed)

    async def everybody():
        with operators_of(manifest) as operators:
            engine = RemotePart(manifest, operators.transports(ENGINE))
            scores = simulate_scores(
                manifest, engine, testbed.synthetic_agents(CPU), environment=testbed.new_environment()
            )
            parts = [one(party.name, operators) for party in manifest.clients]
            return (await asyncio.gather(scores, *parts))[0]

    return asyncio.run(everybody()), missed


def run_clear(testbed):
    clear = ClearScores(testbed.manifest, testbed.clear_agents(CPU))
    synthetic, environment = testbed.synthetic_agents(CPU), testbed.new_environment()
    return asyncio.run(simulate_scores(testbed.manifest, clear, synthetic, environment=environment))


def check(testbed, operators_of):
    private, clear = run_private(testbed, operators_of)[0], run_clear(testbed)
    assert private.score.tobytes() == clear.score.tobytes()
    assert private.series.hash == clear.series.hash
    return private


@pytest.mark.parametrize("name", slow(OUTCOME, QUICK))
@settings(max_examples=3)
@given(data=st.data())
def test_a_private_score_equals_the_clear_one_to_the_last_bit(name, data, graph_testbeds, operators_of):
    drawn = graph_testbeds(name, mode="outcome", engine=True, min_cohort=1).filter(has_holders)
    check(with_scores(data.draw(drawn)), operators_of)


@pytest.mark.parametrize("name", slow(SUM, ("library-seir", "crowds")))
@settings(max_examples=6)
@given(data=st.data())
def test_in_sum_mode_scores_by_levels_are_those_of_the_clear_run(name, data, graph_testbeds, operators_of):
    drawn = graph_testbeds(name, mode="sum", engine=True, min_cohort=1).filter(has_holders)
    check(with_scores(data.draw(drawn)), operators_of)


@pytest.mark.parametrize("name", slow(("library-work", "seasons", "library-seirs"), ("library-work", "seasons")))
@settings(max_examples=2)
@given(data=st.data())
def test_whoever_misses_steps_scores_what_its_agents_drew(name, data, graph_testbeds, operators_of):
    given_ = {"engine": True, "round_timeout_s": 2 * ROUND_S, "join_timeout_s": 5.0, "min_cohort": 1, "k": 2}
    drawn = graph_testbeds(name, mode="outcome", **given_)
    drawn = drawn.filter(lambda made: has_holders(made) and made.contacts.a.size)
    testbed = with_scores(dataclasses.replace(data.draw(drawn), synthetic=0))
    manifest = testbed.manifest
    late = data.draw(st.integers(0, len(manifest.clients) - 1))
    steps = {manifest.steps - 1} - {0}
    present = [client.name for place, client in enumerate(manifest.clients) if place != late or not steps]
    assume(CohortRule.of(manifest).size(present) >= manifest.min_cohort)  # whoever has no agents is none of them
    planned = {client.name: steps if place == late else set() for place, client in enumerate(manifest.clients)}

    def around(name, operators):
        return [Late(inner, operators.runs, planned[name]) for inner in operators.transports(name)]

    found, missed = run_private(testbed, operators_of, around)
    assume(missed == {name: sorted([*steps, *steps]) for name, steps in planned.items()})  # nobody else was late
    numbers = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.uint64)
    score = GraphScore(
        manifest.model, manifest.gradient, AgentSource(numbers, simulation_key(manifest.testbed_seed)), testbed.columns
    )
    reference(testbed, planned, found.series.public, observe=score.observe)
    assert found.score.tobytes() == np.ldexp(score.encode().astype(float), -manifest.gradient.tangent_bits).tobytes()
