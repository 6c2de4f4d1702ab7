"""The score of a private run equals the clear run's, to the last bit; so does everything else of the run."""

import asyncio

import msgspec
import numpy as np
import torch
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from client_sdk import Client
from client_sdk.simulation.own_score import OwnScore
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.score import ClearScores, simulate_scores
from protocols.errors import DataError
from protocols.models.gradient import Gradient
from protocols.models.likelihood.score_parameters import score_parameters
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan
from tests.conformance.parity.conftest import has_holders
from tests.epidemics import alike
from tests.repetitions import repetitions

CPU = torch.device("cpu")
DEFAULT = settings(max_examples=repetitions(30))
FEWER = settings(max_examples=repetitions(12))  # joint computations of several threads


def slope(law):
    """Return a direction in which the law's mean grows."""
    moved = np.linspace(-1.0, 1.0, len(law)) * np.array(law)
    return tuple((moved - moved.sum() * np.array(law) / 2**32).tolist())


def with_scores(testbed, **changes):
    """Return the testbed, its epidemic as a graph, with all scores that its mode and parameters can give.

    One that has none, or fewer than two clients with agents, counts for no example.
    """
    manifest = testbed.manifest
    assume(has_holders(testbed))
    model = alike(manifest.model)
    names = score_parameters(model, exact=manifest.mode == "sum").known
    assume(names)
    laws = {name: slope(model.parameters[name]) for name in names if name.endswith("_law")}
    gradient = Gradient(way="score", parameters=names, clip=100.0, largest_hazard=64.0, slopes=laws)
    given = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "gradient": gradient}
    manifest = msgspec.structs.replace(manifest, **given, engine=True, min_cohort=2, **changes)
    return type(testbed)(manifest, testbed.contacts, testbed.cell, testbed.synthetic, testbed.source, True)


def run_private(testbed, operators_of):
    manifest = testbed.manifest

    async def one(name, operators):
        client = await Client.join(manifest, testbed.private_state(name), operators.transports(name))
        await client.run()

    async def everybody():
        with operators_of(manifest) as operators:
            engine = RemotePart(manifest, operators.transports(ENGINE))
            parts = [one(party.name, operators) for party in manifest.clients]
            return (await asyncio.gather(simulate_scores(manifest, engine, testbed.synthetic_agents(CPU)), *parts))[0]

    return asyncio.run(everybody())


def run_clear(testbed):
    clear = ClearScores(testbed.manifest, testbed.clear_agents(CPU))
    return asyncio.run(simulate_scores(testbed.manifest, clear, testbed.synthetic_agents(CPU)))


@DEFAULT
@given(draw=st.data())
def test_a_private_score_equals_the_clear_one_to_the_last_bit(draw, testbeds, operators_of):
    testbed = with_scores(draw.draw(testbeds()))
    private, clear = run_private(testbed, operators_of), run_clear(testbed)
    assert private.score.tobytes() == clear.score.tobytes()
    assert private.series.hash == clear.series.hash


@FEWER
@given(draw=st.data())
def test_a_score_added_up_on_shares_equals_the_clear_one_to_the_last_bit(draw, testbeds, operators_of):
    testbed = with_scores(draw.draw(testbeds(mode="outcome")))
    try:
        manifest = testbed.manifest
        for client in manifest.clients:
            private = testbed.private_state(client.name)
            OwnScore(manifest.model, ReleasePlan.of(manifest), Layout.of(manifest), private, factors=1)
    except DataError:
        reject()  # contacts heavier than the proof against wrapping allows
    private, clear = run_private(testbed, operators_of), run_clear(testbed)
    assert private.score.tobytes() == clear.score.tobytes()
    assert private.series.hash == clear.series.hash


def test_scores_change_nothing_else_of_a_run_and_neither_does_the_graph(testbeds, run_clear):
    @settings(max_examples=repetitions(20), database=None)
    @given(draw=st.data())
    def look(draw):
        testbed = draw.draw(testbeds())
        scored = with_scores(testbed)
        clear = ClearScores(scored.manifest, scored.clear_agents(CPU))
        found = asyncio.run(simulate_scores(scored.manifest, clear, scored.synthetic_agents(CPU)))
        plain = msgspec.structs.replace(testbed.manifest, engine=True, min_cohort=2)
        without = type(testbed)(plain, scored.contacts, scored.cell, scored.synthetic, "drawn", True)
        assert found.series.hash == run_clear(without).series.hash

    look()
