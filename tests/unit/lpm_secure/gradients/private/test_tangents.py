"""The relaxed dynamics and their tangents: against finite differences, libraries, and what a manifest may ask for."""

import asyncio
import math

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from client_sdk import ContactTable
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ParameterError, WouldWrap
from protocols.models.dual import Dual
from protocols.models.escape import escape
from protocols.models.gradient import Gradient, HazardReduction, LeakyVaccine
from protocols.models.seir.relaxation import RelaxedParameters
from protocols.task.parties import ClientParty, DealerParty

ALL = ("beta.channel-0", "beta.channel-1", "cell_beta", "latent", "infectious", "initial", "reduction", "efficacy")


def gradient(**changes):
    given = {
        "way": "tangents",
        "parameters": ALL,
        "value_bits": 40,
        "tangent_bits": 34,
        "reduction": HazardReduction(begin=3, end=7, share=0.4),
        "protection": LeakyVaccine(begin=2, coverage=0.5, efficacy=0.6),
    }
    return Gradient(**given | changes)


@pytest.fixture
def testbed(relaxed_seir, manifest_of):
    """Return thirty people in two clients, on two channels and in two cells, with synthetic ones beside them."""
    rng = np.random.default_rng(5)
    a = rng.integers(0, 30, 120)
    table = ContactTable(
        rng.integers(0, 2, 120), a, (a + rng.integers(1, 29, 120)) % 30, rng.integers(0, 2, 120),
        rng.integers(1, 4, 120),
    )  # fmt: skip
    manifest = manifest_of(
        [range(12), range(12, 30)],
        model=relaxed_seir(beta=(2**36, 2**35), cell_beta=2**38, initial=2**29),
        steps=12,
        period=2,
        cells=(25, 30),
        engine=True,
        min_cohort=2,
        gradient=gradient(),
    )
    return Testbed(manifest, table, rng.integers(0, 2, 30), 20, "drawn", True)


ONE_EMPTY = (ClientParty("one", (1, 2)), ClientParty("empty", ()))


def run(testbed):
    return asyncio.run(simulate_tangents(testbed.manifest, ClearTangents(testbed), synthetic_part(testbed)))


@pytest.mark.parametrize("name", ALL)
def test_tangents_are_the_derivatives_of_the_relaxed_dynamics(testbed, name, monkeypatch):
    index, step = ALL.index(name), 1e-4
    tangent = run(testbed).tangent[..., index]
    duals, found = RelaxedParameters.duals, []
    for sign in (1, -1):

        def shifted(model, gradient, channels, sign=sign):
            theta = duals(model, gradient, channels)
            fields = [*theta.beta, theta.cell_beta, theta.latent, theta.infectious]
            fields += [theta.initial, theta.reduction, theta.efficacy]
            fields[index] = Dual(fields[index].value + sign * step, fields[index].tangent)
            return RelaxedParameters.of(fields)

        monkeypatch.setattr(RelaxedParameters, "duals", shifted)
        found.append(run(testbed).value)
    difference = (found[0] - found[1]) / (2 * step)
    np.testing.assert_allclose(tangent, difference, rtol=1e-4, atol=1e-5)
    assert np.abs(tangent).max() > 0.01


@given(st.floats(0, 60))
def test_the_probability_of_an_infection_is_exact(hazard):
    assert float(escape(np.array([hazard]))[0]) == pytest.approx(-math.expm1(-hazard), rel=3e-15, abs=1e-300)


def test_torch_computes_the_same_bits():
    hazard = np.random.default_rng(3).exponential(size=10_001)
    assert escape(torch.from_numpy(hazard)).numpy().tobytes() == escape(hazard).tobytes()


def test_tangents_are_clipped_for_each_agent(testbed):
    manifest = msgspec.structs.replace(testbed.manifest, gradient=gradient(clip=0.01))
    narrow = run(Testbed(manifest, testbed.contacts, testbed.cell, testbed.synthetic, "drawn", True))
    assert np.abs(narrow.tangent[:, 0]).max() <= 30 * 0.01 + 1e-6
    assert np.abs(run(testbed).tangent[:, 0]).max() > 30 * 0.01


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ({}, {"min_cohort": 1}, "min_cohort is 1; gradients are summed over at least 2 clients"),
        ({}, {"clients": ONE_EMPTY}, "min_cohort is 2, but the run has 1 clients with agents"),
        ({}, {"mode": "outcome"}, 'contacts carry no tangents: ask for mode "sum"'),
        ({"way": "adjoints", "parameters": ()}, {"mode": "outcome"}, "contacts carry no adjoints"),
        ({"way": "adjoints", "parameters": ()}, {"engine": False}, "adjoints start at the engine"),
        ({"parameters": ("gamma",)}, {}, "no derivative by gamma here: there are beta.channel-0"),
        ({"parameters": ("initial", "initial")}, {}, "name each once"),
        ({"parameters": ()}, {}, "name each once"),
        ({"reduction": None}, {}, "no reduction to take a derivative by"),
        ({"clip": 2.0**40}, {}, "must stay below 2.*the derivatives of all agents"),
        ({"value_bits": 52}, {"max_message": 2**10}, "the messages of all agents"),
        ({"way": "score", "parameters": ("latent",)}, {}, "are of a model.s graph"),
    ],
)
def test_a_manifest_refuses_what_a_run_cannot_give(testbed, changes, given, message):
    fields = msgspec.structs.asdict(testbed.manifest) | {"gradient": gradient(**changes)} | given
    if given.get("mode") == "outcome":
        fields["dealer"] = DealerParty("dealer", "localhost:99")
    with pytest.raises((ParameterError, WouldWrap), match=message):
        type(testbed.manifest)(**fields)
