"""The relaxed dynamics and their tangents: against finite differences, libraries, and what a manifest may ask for."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest

from client_sdk import ContactTable
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.synthetic import SYNTHETIC_FROM, cells_of
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ParameterError, WouldWrap
from protocols.models.chain.hazard_factor import PROTECTION, REDUCTION
from protocols.models.gradient import Gradient, HazardReduction, LeakyVaccine
from protocols.models.graph.agents import GraphModel
from protocols.task.parties import ClientParty, DealerParty
from protocols.task.release_plan import ReleasePlan

OWN = ("contact_rate", "contact_rate_001", "cell_rate", "latent_law", "infectious_law", "initial")
ALL = (*OWN, REDUCTION, PROTECTION)


def gradient(**changes):
    given = {
        "way": "tangents",
        "parameters": ALL,
        "value_bits": 40,
        "tangent_bits": 34,
        "stays": "geometric",
        "reduction": HazardReduction(begin=3, end=7, share=0.4),
        "protection": LeakyVaccine(begin=2, coverage=0.5, efficacy=0.6),
    }
    return Gradient(**given | changes)


@pytest.fixture
def testbed(seir, manifest_of):
    """Return thirty people in two clients, on two channels and in two cells, with synthetic ones beside them."""
    rng = np.random.default_rng(5)
    a = rng.integers(0, 30, 120)
    table = ContactTable(
        rng.integers(0, 2, 120), a, (a + rng.integers(1, 29, 120)) % 30, rng.integers(0, 2, 120),
        rng.integers(1, 4, 120),
    )  # fmt: skip
    manifest = manifest_of(
        [range(12), range(12, 30)],
        model=seir(beta=(2**36, 2**35), cell_beta=2**38, initial=2**29, listed=False),
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
    return asyncio.run(
        simulate_tangents(
            testbed.manifest.relaxation,
            ReleasePlan.of(testbed.manifest),
            ClearTangents(testbed),
            synthetic_part(testbed),
        )
    )


def shifted(testbed, name, by):
    """Return the run with one parameter moved."""
    manifest = testbed.manifest
    model, given = manifest.model, manifest.gradient
    if name in (REDUCTION, PROTECTION):
        part, field = name.split(".")
        moved = msgspec.structs.replace(getattr(given, part), **{field: getattr(getattr(given, part), field) + by})
        manifest = msgspec.structs.replace(manifest, gradient=msgspec.structs.replace(given, **{part: moved}))
    else:
        number, bits = model.parameters[name], model.graph.parameters[name].bits
        whole = round(by * (LAW_TOTAL if name.endswith("_law") else 2.0**bits))
        number = (number[0] - whole, number[1] + whole) if name.endswith("_law") else number + whole
        manifest = msgspec.structs.replace(manifest, model=GraphModel(model.graph, model.parameters | {name: number}))
    return dataclasses.replace(testbed, manifest=manifest)


@pytest.mark.parametrize("name", ALL)
def test_tangents_are_the_derivatives_of_the_relaxed_dynamics(testbed, name):
    step = 1e-4
    tangent = run(testbed).tangent[..., ALL.index(name)]
    high, low = (run(shifted(testbed, name, sign * step)).value for sign in (1, -1))
    np.testing.assert_allclose(tangent, (high - low) / (2 * step), rtol=1e-4, atol=1e-5)
    assert np.abs(tangent).max() > 0.01


def hazard_of(testbed, told, step):
    """Return each private agent's hazard in a step by the equations of the page, float64[30], in floating point."""
    numbers, given, table = testbed.manifest.model.parameters, testbed.manifest.gradient, testbed.contacts
    synthetic = cells_of(np.arange(20, dtype=np.uint64) + np.uint64(SYNTHETIC_FROM), testbed.manifest)
    cell = np.concatenate([testbed.cell, synthetic])
    hazard = (np.bincount(cell, told) / testbed.manifest.cells)[cell] * numbers["cell_rate"] * 2.0**-40
    for day, a, b, channel, weight in zip(table.day, table.a, table.b, table.channel, table.weight, strict=True):
        if day == step % 2:
            hazard[a] += numbers[OWN[channel]] * 2.0**-40 * weight * told[b]
            hazard[b] += numbers[OWN[channel]] * 2.0**-40 * weight * told[a]
    if given.reduction.begin <= step < given.reduction.end:
        hazard *= 1 - given.reduction.share
    if step >= given.protection.begin:
        hazard *= 1 - given.protection.coverage * given.protection.efficacy
    return hazard


def test_values_are_those_of_the_equations(testbed):
    ill = testbed.manifest.model.parameters["initial"] / LAW_TOTAL * np.ones(50)
    s, e, i = 1 - ill, 0 * ill, ill
    for step, found in enumerate(run(testbed).value):
        stages = np.stack([s, e, i, 1 - s - e - i])
        np.testing.assert_allclose(found, [stages[:, :30].sum(axis=1), stages[:, 30:].sum(axis=1)], atol=1e-9)
        new = s * -np.expm1(-hazard_of(testbed, i, step))
        s, e, i = s - new, e + new - e / 1.5, i + e / 1.5 - i / 1.5  # both laws: a day or two, as likely as not


def test_tangents_are_clipped_for_each_agent(testbed):
    manifest = msgspec.structs.replace(testbed.manifest, gradient=gradient(clip=0.01))
    narrow = run(Testbed(manifest, testbed.contacts, testbed.cell, testbed.synthetic, "drawn", True))
    assert np.abs(narrow.tangent[:, 0]).max() <= 30 * 0.01 + 1e-6
    assert np.abs(run(testbed).tangent[:, 0]).max() > 30 * 0.01


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ({}, {"min_cohort": 1}, "min_cohort is 1; gradients are summed over at least 2 clients"),
        ({}, {"clients": ONE_EMPTY}, "min_cohort is 2, but the run has 1 client with agents"),
        ({}, {"mode": "outcome"}, 'adds up, carry no tangents: ask for mode "sum"'),
        ({"way": "adjoints"}, {"mode": "outcome"}, "contacts, which infection adds up, carry no adjoints"),
        ({"way": "adjoints"}, {"engine": False}, "adjoints start at the engine"),
        ({"way": "adjoints", "parameters": ()}, {}, "name each once, and at least one"),
        ({"parameters": ("gamma",)}, {}, "no derivative by gamma: it is no parameter that the model reads; there are"),
        ({"parameters": ("initial", "initial")}, {}, "name each once"),
        ({"parameters": ()}, {}, "name each once"),
        (
            {"reduction": None},
            {},
            "no derivative by reduction.share: it is of a reduction, which",
        ),
        ({"clip": 2.0**40}, {}, "must stay below 2.*the derivatives of all agents"),
        ({"value_bits": 52}, {"max_message": 2**10}, "the messages of all agents"),
        (
            {"way": "score", "parameters": ("latent_law",)},
            {},
            "reduction, stays, value_bits: of another way",
        ),
    ],
)
def test_a_manifest_refuses_what_a_run_cannot_give(testbed, changes, given, message):
    fields = msgspec.structs.asdict(testbed.manifest) | {"gradient": gradient(**changes)} | given
    if given.get("mode") == "outcome":
        fields["dealer"] = DealerParty("dealer", "localhost:99")
    with pytest.raises((ParameterError, WouldWrap), match=message):
        type(testbed.manifest)(**fields)
