"""`loss.backward()` through private clients gives the gradient of the clear run, to the last bit."""

import asyncio
import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from client_sdk import ContactTable
from client_sdk.gradients.adjoints import AdjointClient
from client_sdk.simulation.exchange import Exchange
from lpm_secure.config.model import graph_of
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.adjoints import PrivateAdjoints, mean_counts
from lpm_secure.gradients.private.result import engine_tensors, private_adjoints
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ParameterError, ProtocolError
from protocols.models.agent_model import UNKNOWN
from protocols.models.chain.hazard_factor import PROTECTION, REDUCTION
from protocols.models.gradient import Gradient, HazardReduction, LeakyVaccine
from protocols.models.likelihood.entries import moments_of
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan
from protocols.wire.messages import Share
from protocols.wire.transport import Transport
from tests.conformance.parity.conftest import has_holders
from tests.epidemics import relaxed_parameters, table_of
from tests.repetitions import repetitions

DEFAULT = settings(max_examples=repetitions(20))


def synthetic(testbed):
    return engine_tensors(testbed)[0]


def with_adjoints(testbed, **changes):
    gradient = Gradient(
        way="adjoints",
        parameters=(*relaxed_parameters(testbed.manifest.model), REDUCTION, PROTECTION),
        stays="geometric",
        value_bits=40,
        tangent_bits=36,
        clip=1024.0,
        passes=changes.pop("passes", 1),
        reduction=HazardReduction(begin=1, end=3, share=0.3),
        protection=LeakyVaccine(begin=2, coverage=0.5, efficacy=0.7),
    )
    table = table_of(testbed.manifest.model)  # milder than drawn: derivatives that grow beyond the clip are cut
    milder = tuple(beta // (8 * testbed.manifest.max_message) for beta in table.beta)
    model = graph_of(table._replace(beta=milder, cell_beta=table.cell_beta // 4))
    changes = {"model": model, "model_hash": model.digest, "engine": True, "min_cohort": 2} | changes
    manifest = msgspec.structs.replace(testbed.manifest, gradient=gradient, **changes)
    n = sum(len(client.agents) for client in manifest.clients)
    own = np.random.default_rng(n).integers(2**14, 2**17, n)
    columns = {"susceptibility": np.where(np.arange(n) % 3, own, UNKNOWN)}
    return dataclasses.replace(testbed, manifest=manifest, columns=columns)


def private_run(testbed, operators_of, body, around=lambda name, operators: operators.transports(name)):
    """Return what `body(private)` does on the engine's side, in a thread of its own."""
    manifest = testbed.manifest

    async def one(name, operators):
        client = await AdjointClient.join_over(
            manifest, testbed.private_state(name), Exchange(manifest, name, around(name, operators))
        )
        await client.run()

    async def everybody():
        with operators_of(manifest) as operators:
            remote = RemotePart(manifest, operators.transports(ENGINE))
            private = PrivateAdjoints(manifest.relaxation, Layout.of(manifest), remote, asyncio.get_running_loop())
            parts = [one(party.name, operators) for party in manifest.clients]
            return (await asyncio.gather(asyncio.to_thread(body, private), *parts))[0]

    return asyncio.run(everybody())


def loss_of(counts, weights):
    return (counts * weights).sum() + 0.1 * (counts**2).mean()


def clear_run(testbed, body):
    """Return what `body(private)` does, with all private agents in this process."""

    async def everybody():
        return await asyncio.to_thread(body, private_adjoints(testbed, None))

    return asyncio.run(everybody())


def values_of(manifest):
    """Return the parameters in their units."""
    numbers, gradient = manifest.model.parameters, manifest.gradient
    laws = [moments_of(numbers[name])[0] for name in ("latent_law", "infectious_law")]
    rates = [numbers[name] * 2.0 ** -manifest.model.graph.parameters[name].bits for name in gradient.parameters[:-5]]
    return np.array(
        [
            *rates,
            *map(float, laws),
            numbers["initial"] / LAW_TOTAL,
            gradient.reduction.share,
            gradient.protection.efficacy,
        ]
    )


def theta_of(manifest):
    """Return by how much every step's parameters differ from the manifest's, drawn: stays are longer, all else less."""
    values, drawn = values_of(manifest), np.random.default_rng(manifest.steps)
    signs = np.array([1.0 if name.endswith("_law") else -1.0 for name in manifest.gradient.parameters])
    return torch.tensor(values * signs * drawn.uniform(0.0, 0.2, (manifest.steps, values.size)), requires_grad=True)


def gradients(testbed, operators_of, theta, weights):
    """Return the private and the clear gradient by theta, and both losses."""

    def body(private):
        loss = loss_of(mean_counts(private, synthetic(testbed), theta), weights)
        return loss.item(), torch.autograd.grad(loss, theta)[0]

    return private_run(testbed, operators_of, body), clear_run(testbed, body)


@DEFAULT
@given(draw=st.data())
def test_private_adjoints_equal_clear_ones(draw, testbeds, operators_of):
    testbed = draw.draw(testbeds(min_cohort=1))
    assume(has_holders(testbed))
    testbed = with_adjoints(testbed)
    last = draw.draw(st.integers(0, testbed.manifest.steps))  # the last day that the loss looks at
    weights = torch.zeros(testbed.manifest.steps + 1, 2, 4, dtype=torch.float64)
    weights[: last + 1] = torch.rand(last + 1, 2, 4, dtype=torch.float64, generator=torch.manual_seed(last))
    (loss, grad), (clear_loss, clear_grad) = gradients(testbed, operators_of, theta_of(testbed.manifest), weights)
    assert loss == clear_loss
    assert grad.numpy().tobytes() == clear_grad.numpy().tobytes()


@pytest.fixture
def testbed(seir, manifest_of):
    """Return twenty people in three clients, on two channels and in two cells, with synthetic ones beside them."""
    rng = np.random.default_rng(6)
    a = rng.integers(0, 20, 80)
    b = (a + rng.integers(1, 19, 80)) % 20
    table = ContactTable(rng.integers(0, 2, 80), a, b, rng.integers(0, 2, 80), rng.integers(1, 4, 80))
    manifest = manifest_of(
        [range(9), range(9, 14), range(14, 20)],
        model=seir(beta=(2**36, 2**35), cell_beta=2**38, initial=2**29),
        steps=6,
        period=2,
        cells=(25, 30),
    )
    return Testbed(manifest, table, rng.integers(0, 2, 20), 15, "drawn", True)


def test_adjoints_and_tangents_are_one_gradient(testbed):
    adjoint = with_adjoints(testbed)
    given = msgspec.structs.replace(adjoint.manifest.gradient, way="tangents")
    tangent = dataclasses.replace(adjoint, manifest=msgspec.structs.replace(adjoint.manifest, gradient=given))
    series = asyncio.run(
        simulate_tangents(
            tangent.manifest.relaxation,
            ReleasePlan.of(tangent.manifest),
            ClearTangents(tangent),
            synthetic_part(tangent),
        )
    )

    weights = torch.rand(series.value.shape, dtype=torch.float64, generator=torch.manual_seed(3))
    found = clear_run(adjoint, lambda private: gradient_at(adjoint, private, weights))
    np.testing.assert_allclose(found, np.einsum("tkqp,tkq->p", series.tangent, weights), rtol=1e-6, atol=1e-6)


def gradient_at(testbed, private, weights):
    """Return the gradient of weighted totals by the manifest's parameters."""
    agents, point = engine_tensors(testbed)
    theta = torch.tensor(point, requires_grad=True)
    loss = (mean_counts(private, agents, theta) * weights).sum()
    return torch.autograd.grad(loss, theta)[0].numpy()


def test_a_network_is_trained_through_private_clients(testbed, operators_of):
    """Three passes of one run; a network of 1,000 weights and more gives each step its parameters."""
    testbed, passes = with_adjoints(testbed, passes=3), 3
    manifest = testbed.manifest
    base = torch.tensor(values_of(manifest))

    def train(private):
        torch.manual_seed(1)
        net = torch.nn.Sequential(torch.nn.Linear(1, 100), torch.nn.Tanh(), torch.nn.Linear(100, len(base))).double()
        optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
        days = torch.linspace(0, 1, manifest.steps, dtype=torch.float64)[:, None]
        losses = []
        for _ in range(passes):
            counts = mean_counts(private, synthetic(testbed), base * torch.expm1(0.3 * net(days)))
            loss = (counts[-1, :, 3].sum() - 20.0) ** 2
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return losses, torch.cat([each.flatten() for each in net.parameters()]).detach()

    private, clear = private_run(testbed, operators_of, train), clear_run(testbed, train)
    assert private[0][0] > private[0][1] > private[0][2]
    assert private[0] == clear[0]
    assert private[1].numel() > 900
    assert private[1].numpy().tobytes() == clear[1].numpy().tobytes()


def test_a_pass_is_differentiated_once_and_before_the_next(testbed, operators_of):
    testbed = with_adjoints(testbed, passes=2)

    def body(private):
        theta = theta_of(testbed.manifest)
        counts = mean_counts(private, synthetic(testbed), theta)
        with pytest.raises(ParameterError, match="waits for its way back"):
            private.begin(theta[0])
        counts.sum().backward(retain_graph=True)
        with pytest.raises(ProtocolError, match="differentiate a pass once"):
            counts.sum().backward()
        mean_counts(private, synthetic(testbed), theta).sum().backward()
        with pytest.raises(ParameterError, match="passes are over"):
            private.begin(theta[0])

    private_run(testbed, operators_of, body)


class Late(Transport):
    """Brings the share of one round only when it has closed everywhere."""

    def __init__(self, inner, runs, number):
        self._inner, self._runs, self._number = inner, runs, number

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share) and request.step == self._number:
            while any(run.round.number <= self._number for run in self._runs):
                await asyncio.sleep(0.002)
        return await self._inner.call(request, timeout_s=timeout_s)


@pytest.mark.parametrize("number", [3, 11], ids=["forth", "back"])
def test_a_gradient_without_one_client_in_one_round_is_not_returned(testbed, operators_of, number):
    testbed = with_adjoints(testbed, round_timeout_s=0.5)

    def around(name, operators):
        transports = operators.transports(name)
        return [Late(each, operators.runs, number) for each in transports] if name == "client-1" else transports

    def body(private):
        theta = theta_of(testbed.manifest)
        mean_counts(private, synthetic(testbed), theta)[-1, 0, 3].backward()

    with pytest.raises(ProtocolError, match="2 clients took part, and 3 before"):
        private_run(testbed, operators_of, body, around)
