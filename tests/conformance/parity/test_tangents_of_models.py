"""A private run with tangents of any model's graph equals the clear run, to the last bit, for any layout."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk import ContactTable
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ModelError
from protocols.models.chain.chain_parameters import chain_parameters
from protocols.models.chain.hazard_factor import REDUCTION
from protocols.models.gradient import Gradient, HazardReduction
from protocols.models.graph.agents import UNKNOWN, GraphModel
from protocols.task.parties import ClientParty
from protocols.task.release_plan import ReleasePlan
from tests.conformance.parity.conftest import graph_model, has_holders
from tests.conformance.parity.test_tangents import run_private

NAMES = ("library-seir", "library-doses", "library-seirs", "library-strains")
EACH = [name if name in NAMES[:2] else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


def with_tangents(testbed, draw, **changes):
    """Return the testbed with a drawn selection of parameters; nobody's threshold is given, as its holder may know."""
    beside = drawn_dynamics(draw)
    known = (*chain_parameters(testbed.manifest.model).known, REDUCTION)
    chosen = draw.draw(st.lists(st.sampled_from(known), min_size=1, max_size=len(known), unique=True))
    clip = draw.draw(st.sampled_from([0.5, 256.0]))
    gradient = Gradient(way="tangents", parameters=tuple(chosen), clip=clip, tangent_bits=20, **beside)
    manifest = msgspec.structs.replace(testbed.manifest, gradient=gradient, engine=True, min_cohort=2, **changes)
    columns = {name: values for name, values in testbed.columns.items() if not name.startswith("tau")}
    return dataclasses.replace(testbed, manifest=manifest, columns=columns)


def drawn_dynamics(draw):
    """Return drawn stays, and a reduction of all hazards."""
    stays = draw.draw(st.sampled_from(["geometric", msgspec.UNSET]))
    return {"stays": stays, "reduction": HazardReduction(begin=1, end=6, share=draw.draw(st.floats(0, 1)))}


def run_clear(testbed):
    return asyncio.run(
        simulate_tangents(
            testbed.manifest.relaxation,
            ReleasePlan.of(testbed.manifest),
            ClearTangents(testbed),
            synthetic_part(testbed),
        )
    )


def own_testbeds(graph_testbeds, name, **changes):
    return graph_testbeds(name, **{"mode": "sum", "min_cohort": 1, "engine": True} | changes).filter(has_holders)


@pytest.mark.parametrize("name", EACH)
@settings(max_examples=5)
@given(draw=st.data())
def test_private_tangents_of_a_graph_equal_the_clear_ones_to_the_last_bit(name, draw, graph_testbeds, operators_of):
    testbed = with_tangents(draw.draw(own_testbeds(graph_testbeds, name)), draw)
    private, clear = run_private(testbed, operators_of)[0], run_clear(testbed)
    assert private.counts.tobytes() == clear.counts.tobytes()
    n = sum(len(client.agents) for client in testbed.manifest.clients)
    np.testing.assert_allclose(clear.value[:, 0].sum(axis=-1), n, atol=1e-4)


@settings(max_examples=3)
@given(draw=st.data())
def test_the_layout_of_clients_changes_no_bit_of_a_graph(draw, graph_testbeds, operators_of):
    testbed = draw.draw(own_testbeds(graph_testbeds, "library-seir"))
    agents = [agent for client in testbed.manifest.clients for agent in client.agents]
    testbed = with_tangents(testbed, draw)
    found = []
    for cut in (1, draw.draw(st.integers(1, len(agents) - 1))):
        parties = (ClientParty("left", tuple(agents[:cut])), ClientParty("right", tuple(agents[cut:])))
        manifest = msgspec.structs.replace(testbed.manifest, clients=parties)
        found.append(run_private(dataclasses.replace(testbed, manifest=manifest), operators_of)[0].counts.tobytes())
    assert found[0] == found[1]


@pytest.fixture
def five(manifest_of):
    """Return a function that makes a run of five people in two clients and one cell, who meet nobody else."""

    def made(mode, parameters, **columns):
        model = graph_model("library-seir")
        rates = {"contact_rate": 0, "cell_rate": 2**31}
        model = GraphModel(model.graph, model.parameters | rates)
        manifest = manifest_of(
            [[1, 2, 3], [4, 5]],
            model=model,
            model_hash=model.digest,
            channels=model.contact_channels,
            mode=mode,
            steps=8,
            cells=(16,),
            engine=True,
            min_cohort=2,
            gradient=Gradient(way="tangents", parameters=parameters),
        )
        nobody = ContactTable(*(np.zeros(0, dtype=np.int64) for _ in range(5)))
        return Testbed(manifest, nobody, np.zeros(5, dtype=np.int64), 11, "none", True, columns=columns)

    return made


def test_a_stage_that_is_known_is_no_longer_a_matter_of_chance(five, operators_of):
    testbed = five("sum", ("initial",), stage=np.array([2, UNKNOWN, 0, 3, 1]))
    private, clear = run_private(testbed, operators_of)[0], run_clear(testbed)
    assert private.counts.tobytes() == clear.counts.tobytes()
    assert clear.value[0, 0] == pytest.approx([1 + 0.75, 1, 1 + 0.25, 1])
    assert clear.tangent[0, 0, :, 0] == pytest.approx([-1, 0, 1, 0])


def test_cells_carry_tangents_of_a_graph_in_outcome_mode(five, operators_of):
    testbed = five("outcome", ("cell_rate", "initial"))
    private, clear = run_private(testbed, operators_of)[0], run_clear(testbed)
    assert private.counts.tobytes() == clear.counts.tobytes()
    assert clear.tangent[-1, :, 0, 0].max() < 0  # a higher rate in cells, fewer susceptible: private and synthetic


def test_a_client_whose_agents_have_no_chain_says_so_in_one_line(five):
    testbed = five("sum", ("initial",), tau=np.array([5, 5, 5, 5, 5]))
    with pytest.raises(ModelError, match="tau, the threshold of infection, is given"):
        run_clear(testbed)
