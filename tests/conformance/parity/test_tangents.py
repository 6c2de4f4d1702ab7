"""A private run with tangents equals the clear run, to the last bit of the fixed point, for any model and layout."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from client_sdk import ContactTable
from client_sdk.gradients.tangents import TangentClient
from client_sdk.simulation.exchange import Exchange
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.testbed import Testbed
from protocols.models.agent_model import UNKNOWN
from protocols.models.chain.hazard_factor import PROTECTION, REDUCTION
from protocols.models.gradient import Gradient, HazardReduction, LeakyVaccine
from protocols.task.parties import ENGINE, ClientParty
from protocols.task.release_plan import ReleasePlan
from tests.conformance.parity.conftest import has_holders
from tests.epidemics import relaxed_parameters
from tests.repetitions import repetitions

DEFAULT = settings(max_examples=repetitions(30))
MANY = settings(max_examples=400)


def with_tangents(testbed, draw, **changes):
    """Return the testbed with a drawn selection of parameters."""
    manifest = testbed.manifest
    names = [*relaxed_parameters(manifest.model), REDUCTION, PROTECTION]
    chosen = draw.draw(st.lists(st.sampled_from(names), min_size=1, max_size=8, unique=True))
    gradient = Gradient(
        way="tangents",
        parameters=tuple(chosen),
        clip=draw.draw(st.sampled_from([0.5, 256.0])),
        tangent_bits=20,
        stays="geometric",
        reduction=HazardReduction(begin=1, end=5, share=draw.draw(st.floats(0, 1))),
        protection=LeakyVaccine(begin=2, coverage=draw.draw(st.floats(0, 1)), efficacy=0.7),
    )
    n = sum(len(client.agents) for client in manifest.clients)
    rng = np.random.default_rng(draw.draw(st.integers(0, 99)))
    own = {
        "susceptibility": rng.integers(2**12, 2**18, n),
        "stage": rng.integers(0, 4, n),
        "since": np.zeros(n, dtype=np.int64),
    }
    known = rng.random((3, n)) < draw.draw(st.sampled_from([0.0, 0.3]))
    known[2] &= known[1]
    columns = {name: np.where(row, own[name], UNKNOWN) for name, row in zip(own, known, strict=True)}
    testbed, model = dataclasses.replace(testbed, columns=columns), manifest.model
    return moved(testbed, model=model, model_hash=model.digest, gradient=gradient, engine=True, **changes)


def moved(testbed, **changes):
    manifest = msgspec.structs.replace(testbed.manifest, **changes)
    return dataclasses.replace(testbed, manifest=manifest)


def run_private(testbed, operators_of):
    manifest = testbed.manifest

    async def one(name, operators):
        client = await TangentClient.join_over(
            manifest, testbed.private_state(name), Exchange(manifest, name, operators.transports(name))
        )
        await client.run()
        return client

    async def everybody():
        with operators_of(manifest) as operators:
            engine = RemotePart(manifest, operators.transports(ENGINE))
            parts = [one(party.name, operators) for party in manifest.clients]
            return await asyncio.gather(
                simulate_tangents(manifest.relaxation, ReleasePlan.of(manifest), engine, synthetic_part(testbed)),
                *parts,
            )

    series, *clients = asyncio.run(everybody())
    return series, [client.agents for client in clients]


def run_clear(testbed):
    part = ClearTangents(testbed)
    series = asyncio.run(
        simulate_tangents(testbed.manifest.relaxation, ReleasePlan.of(testbed.manifest), part, synthetic_part(testbed))
    )
    return series, part.agents


def check(testbed, operators_of):
    private, parts = run_private(testbed, operators_of)
    clear, agents = run_clear(testbed)
    assert private.counts.tobytes() == clear.counts.tobytes()
    for stage, whole in enumerate(agents.total_means()):
        own = [part.total_means()[stage] for part in parts]
        assert np.concatenate([each.value for each in own]).tobytes() == whole.value.tobytes()
        assert np.concatenate([each.tangent for each in own], axis=1).tobytes() == whole.tangent.tobytes()
    return clear


@DEFAULT
@given(draw=st.data())
def test_private_tangents_equal_the_clear_ones_to_the_last_bit(draw, testbeds, operators_of):
    testbed = draw.draw(testbeds())
    assume(has_holders(testbed))
    check(with_tangents(testbed, draw, min_cohort=2), operators_of)


@pytest.mark.slow
@MANY
@given(draw=st.data())
def test_many_private_tangents_equal_the_clear_ones_to_the_last_bit(draw, testbeds, operators_of):
    testbed = draw.draw(testbeds())
    assume(has_holders(testbed))
    check(with_tangents(testbed, draw, min_cohort=2), operators_of)


@DEFAULT
@given(draw=st.data())
def test_the_layout_of_clients_changes_no_bit(draw, testbeds, operators_of):
    testbed = draw.draw(testbeds())
    agents = [agent for client in testbed.manifest.clients for agent in client.agents]
    assume(len(agents) >= 2)
    found = []
    for cut in draw.draw(st.lists(st.integers(1, len(agents) - 1), min_size=2, max_size=2)):
        parties = (ClientParty("left", tuple(agents[:cut])), ClientParty("right", tuple(agents[cut:])))
        if not found:
            testbed = with_tangents(testbed, draw, min_cohort=2, clients=parties)
        found.append(run_private(moved(testbed, clients=parties), operators_of)[0].counts.tobytes())
    assert found[0] == found[1]


def test_cells_carry_tangents_in_outcome_mode(operators_of, draw_of_cells):
    testbed = draw_of_cells(mode="outcome")
    clear = check(testbed, operators_of)
    assert clear.tangent[-1, :, 3, 0].min() > 0  # a higher beta of cells, more recovered: private and synthetic


@pytest.fixture
def draw_of_cells(seir, manifest_of):
    """Return a run that couples through cells alone."""

    def made(**changes):
        manifest = manifest_of(
            [[1, 2, 3], [4, 5], [6]],
            model=seir(beta=(0,), cell_beta=2**40, initial=2**30, listed=False),
            steps=8,
            cells=(9, 8),
            engine=True,
            min_cohort=2,
            gradient=Gradient(way="tangents", parameters=("cell_rate", "initial"), stays="geometric"),
            **changes,
        )
        nobody = ContactTable(*(np.zeros(0, dtype=np.int64) for _ in range(5)))
        return Testbed(manifest, nobody, np.arange(6) % 2, 11, "none", True)

    return made
