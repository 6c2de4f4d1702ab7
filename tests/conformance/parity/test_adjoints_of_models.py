"""Adjoints of any model's local chain: private ones are the clear run's to the last bit, and are the tangents."""

import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lpm_secure as lpm
from client_sdk import ContactTable
from client_sdk.gradients.parameter_range import ParameterRange
from lpm_secure.gradients.private.adjoints import mean_counts
from lpm_secure.gradients.private.result import engine_tensors
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.testbed import Testbed
from protocols.models.chain.chain_parameters import chain_parameters
from protocols.models.chain.hazard_factor import REDUCTION
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from tests.conformance.parity.test_adjoints import clear_run, private_run
from tests.conformance.parity.test_tangents_of_models import EACH, drawn_dynamics, own_testbeds, run_clear


def with_adjoints(testbed, draw, **changes):
    """Return the testbed with adjoints by a drawn selection of parameters; nobody's threshold is given."""
    known = (*chain_parameters(testbed.manifest.model).known, REDUCTION)
    chosen = draw.draw(st.lists(st.sampled_from(known), min_size=1, max_size=len(known), unique=True))
    columns = {name: values for name, values in testbed.columns.items() if not name.startswith("tau")}
    given = {"way": "adjoints", "parameters": tuple(chosen), "value_bits": 36, "tangent_bits": 28, "clip": 4096.0}
    given |= drawn_dynamics(draw)
    manifest = msgspec.structs.replace(
        testbed.manifest, gradient=Gradient(**given | changes), engine=True, min_cohort=2
    )
    return dataclasses.replace(testbed, manifest=mild(manifest), columns=columns)


def mild(manifest):
    """Return a run in which few are told much, so that derivatives do not grow beyond the clip."""
    model = manifest.model
    factors = {each for outcome in model.graph.outcomes.values() for each in outcome.coefficients.values()}
    rates = {name: min(model.parameters[name], 2**27) for name in factors & set(model.parameters)}
    return msgspec.structs.replace(manifest, model=GraphModel(model.graph, {**model.parameters, **rates}))


def gradient_of(testbed, weights, moved=0.0):
    """Return a function that yields a loss of all totals, and its gradient by steps' parameters in their ranges."""

    def body(private):
        synthetic, point = engine_tensors(testbed)
        rows = np.random.default_rng(5).normal(size=(testbed.manifest.steps, point.size)) * moved
        ends = ParameterRange.of(testbed.manifest.model, testbed.manifest.gradient)
        rows = np.clip(rows, ends.low, ends.high)  # beyond them clients take part no longer
        theta = torch.tensor(point + rows, requires_grad=True)
        loss = (mean_counts(private, synthetic, theta) * weights).sum()
        return loss.item(), torch.autograd.grad(loss, theta)[0].numpy()

    return body


def weights_of(testbed):
    shape = (testbed.manifest.steps + 1, 2, len(testbed.manifest.model.agents.tally))
    return torch.rand(shape, dtype=torch.float64, generator=torch.manual_seed(shape[0])) - 0.5


class Rumour(lpm.Model):
    """Is told as loudly as a parameter says, until it bores."""

    mood = lpm.stage("NEW", "TELLS", "BORED")
    patience = lpm.field(0, 37 << 24)
    loudness = lpm.parameter(0.25, unit=lpm.rate(10))
    rate = lpm.parameter(0.5, unit=lpm.rate(14))
    bores = lpm.parameter(0.25, unit=lpm.PROBABILITY)
    first = lpm.parameter(0.25, unit=lpm.PROBABILITY)
    talk = lpm.message(most=2**10)
    room = lpm.cell_message(most=1)
    hears = lpm.outcome({talk: rate, room: 2**23}, above=patience)
    volume = lpm.observable(0, 2**10)

    def begin(self, me, draw):
        told = draw.happens(self.first, "first")
        return me.set(mood=lpm.where(told, "TELLS", "NEW"), patience=draw.exponential(24, "patience"))

    def says(self, me):
        loud = lpm.where(me.mood == "TELLS", lpm.clip(self.loudness, 0, 2**10), 0)
        return {self.talk: loud, self.room: me.mood == "TELLS"}

    def totals(self, me):
        return {self.volume: lpm.where(me.mood == "TELLS", lpm.clip(self.loudness, 0, 2**10), 0)}

    def update(self, me, heard, draw):
        bored = draw.happens(self.bores, "bores")
        then = lpm.where(me.mood == "TELLS", lpm.where(bored, "BORED", "TELLS"), me.mood)
        return me.set(mood=lpm.where((me.mood == "NEW") & heard[self.hears], "TELLS", then))


@pytest.mark.parametrize("name", EACH)
@settings(max_examples=2)
@given(draw=st.data())
def test_private_adjoints_of_a_graph_equal_the_clear_ones_to_the_last_bit(name, draw, graph_testbeds, operators_of):
    testbed = with_adjoints(draw.draw(own_testbeds(graph_testbeds, name)), draw)
    body = gradient_of(testbed, weights_of(testbed), moved=draw.draw(st.sampled_from([0.0, 1e-4])))
    (loss, grad), (clear_loss, clear_grad) = private_run(testbed, operators_of, body), clear_run(testbed, body)
    assert loss == clear_loss
    assert grad.tobytes() == clear_grad.tobytes()


@pytest.mark.parametrize("name", EACH)
@settings(max_examples=2)
@given(draw=st.data())
def test_adjoints_of_a_graph_are_its_tangents(name, draw, graph_testbeds):
    testbed = with_adjoints(draw.draw(own_testbeds(graph_testbeds, name)), draw)
    weights = weights_of(testbed)
    loss, grad = clear_run(testbed, gradient_of(testbed, weights))
    given = msgspec.structs.replace(testbed.manifest.gradient, way="tangents")
    series = run_clear(dataclasses.replace(testbed, manifest=msgspec.structs.replace(testbed.manifest, gradient=given)))
    assert loss == pytest.approx((series.value * weights.numpy()).sum(), abs=1e-6)
    tangent = np.einsum("tkqp,tkq->p", series.tangent, weights.numpy())
    np.testing.assert_allclose(grad.sum(axis=0), tangent, rtol=1e-6, atol=1e-5 * max(1.0, np.abs(tangent).max()))


@pytest.fixture
def rumour(manifest_of):
    """Return a function that makes a run of twelve people in three clients and two cells, and ten synthetic ones."""

    def made(way, **moved):
        graph, given = (traced := trace(Rumour)).graph, dict(traced.parameters)
        model = GraphModel(graph, given | moved)
        manifest = manifest_of(
            [range(4), range(4, 9), range(9, 12)],
            model=model,
            model_hash=model.digest,
            channels=model.contact_channels,
            max_message=2**12,
            steps=6,
            period=2,
            cells=(14, 14),
            engine=True,
            min_cohort=2,
            gradient=Gradient(way=way, parameters=tuple(sorted(given)), value_bits=30, tangent_bits=30, clip=2.0**14),
        )
        rng = np.random.default_rng(8)
        a = rng.integers(0, 12, 20)
        table = ContactTable(rng.integers(0, 2, 20), a, (a + 5) % 12, np.zeros(20, dtype=int), rng.integers(1, 3, 20))
        return Testbed(manifest, table, rng.integers(0, 2, 12), 10, "drawn", True)

    return made


def test_adjoints_go_through_what_agents_tell_and_count_for(rumour, operators_of):
    testbed = rumour("adjoints")
    weights = weights_of(testbed) * torch.tensor([1.0, 1.0, 1.0, 0.01], dtype=torch.float64)
    body = gradient_of(testbed, weights)
    (loss, grad), (clear_loss, clear_grad) = private_run(testbed, operators_of, body), clear_run(testbed, body)
    assert loss == clear_loss
    assert grad.tobytes() == clear_grad.tobytes()
    series = run_clear(rumour("tangents"))
    tangent = np.einsum("tkqp,tkq->p", series.tangent, weights.numpy())
    np.testing.assert_allclose(grad.sum(axis=0), tangent, rtol=1e-4, atol=1e-3)
    assert np.abs(tangent).min() > 0.02


def test_adjoints_are_differences_of_relaxed_runs(rumour):
    testbed = rumour("adjoints")
    weights, model = weights_of(testbed), testbed.manifest.model
    grad = clear_run(testbed, gradient_of(testbed, weights))[1].sum(axis=0)
    for place, name in enumerate(testbed.manifest.gradient.parameters):
        middle, unit = model.parameters[name], 2.0 ** model.graph.parameters[name].bits
        width = max(middle // 64, 1)
        ends = [run_clear(rumour("tangents", **{name: middle + sign * width})).value for sign in (1, -1)]
        difference = ((ends[0] - ends[1]) * weights.numpy()).sum() / (2 * width / unit)
        assert grad[place] == pytest.approx(difference, rel=1e-3, abs=1e-3)


def test_what_an_engine_announces_moves_rates_and_probabilities_to_what_it_says(rumour):
    testbed = rumour("adjoints")
    weights, model = weights_of(testbed), testbed.manifest.model
    moved = {"rate": 2**9, "bores": 2**27, "first": -(2**26)}
    shift = [moved.get(name, 0) / 2.0 ** model.graph.parameters[name].bits for name in sorted(model.parameters)]

    def body(private):
        synthetic, point = engine_tensors(testbed)
        counts = mean_counts(private, synthetic, torch.tensor(point + np.array(shift)))
        return (counts * weights).sum().item()

    there = run_clear(rumour("tangents", **{name: model.parameters[name] + by for name, by in moved.items()}))
    assert clear_run(testbed, body) == pytest.approx((there.value * weights.numpy()).sum(), abs=1e-7)
