"""Gradients over real processes, gRPC and TLS: tangents, scores and adjoints, each against the clear run."""

import asyncio

import msgspec
import numpy as np
import pytest
import torch

from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.adjoints import PrivateAdjoints, mean_counts
from lpm_secure.gradients.private.result import engine_tensors, private_adjoints
from lpm_secure.gradients.private.score import ClearScores, simulate_scores
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.deployment import Deployment
from lpm_secure.testbed.testbed import Testbed
from protocols.models.gradient import Gradient
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan
from tests.epidemics import alike
from tests.integration.conftest import end

CPU = torch.device("cpu")
NAMES = ("contact_rate", "cell_rate", "latent_law", "infectious_law", "initial")
TANGENTS = Gradient(way="tangents", parameters=NAMES, stays="geometric")
HIDDEN = Gradient(way="score", parameters=("scale.infection", "initial"), largest_hazard=16.0)
SCORES = Gradient(way="score", parameters=("contact_rate", "cell_rate", "initial"))
ADJOINTS = Gradient(way="adjoints", parameters=NAMES, stays="geometric", value_bits=40, tangent_bits=36, clip=64.0)


@pytest.fixture
def deployed(tmp_path, deploy):
    """Return a function that writes and starts a deployment of four clients whose manifest asks for a gradient."""
    started = []

    def make(gradient, mode="sum"):
        testbed = deploy(round_timeout_s=60.0, join_timeout_s=60.0, mode=mode).testbed
        model = alike(testbed.manifest.model)
        changes = {"gradient": gradient, "model": model, "model_hash": model.digest}
        manifest = msgspec.structs.replace(testbed.manifest, **changes)
        testbed = Testbed(manifest, testbed.contacts, testbed.cell, testbed.synthetic, testbed.source, True)
        deployment = Deployment(tmp_path / gradient.way, testbed)
        deployment.write()
        deployment.start()
        started.append(deployment)
        return deployment

    yield make
    for deployment in started:
        end(deployment)


def over_the_network(deployment, run):
    """Return what `run(private)` does with the private part of a deployment, once its clients have ended."""

    async def everybody():
        transports = deployment.transports()
        try:
            return await run(RemotePart(deployment.testbed.manifest, transports))
        finally:
            for transport in transports:
                await transport.close()

    found = asyncio.run(everybody())
    deployment.wait_for_clients(timeout_s=30.0)
    assert deployment.failures() == []
    return found


def test_tangents_over_real_processes_equal_the_clear_ones_to_the_last_bit(deployed):
    deployment = deployed(TANGENTS)
    testbed = deployment.testbed
    private = over_the_network(
        deployment,
        lambda part: simulate_tangents(
            testbed.manifest.relaxation, ReleasePlan.of(testbed.manifest), part, synthetic_part(testbed)
        ),
    )
    clear = asyncio.run(
        simulate_tangents(
            testbed.manifest.relaxation,
            ReleasePlan.of(testbed.manifest),
            ClearTangents(testbed),
            synthetic_part(testbed),
        )
    )
    assert private.counts.tobytes() == clear.counts.tobytes()
    assert (np.abs(private.tangent[-1, 0]).max(axis=0) > 0).all()
    summaries = [deployment.party(client.name) / "summary.json" for client in testbed.manifest.clients]
    assert [msgspec.json.decode(summary.read_bytes())["modules"] for summary in summaries] == [[]] * 4  # no torch


@pytest.mark.slow
def test_a_score_over_real_processes_equals_the_clear_one_to_the_last_bit(deployed):
    deployment = deployed(SCORES)
    testbed, manifest = deployment.testbed, deployment.testbed.manifest
    private = over_the_network(deployment, lambda part: simulate_scores(manifest, part, testbed.synthetic_agents(CPU)))
    oracle = ClearScores(manifest, testbed.clear_agents(CPU))
    clear = asyncio.run(simulate_scores(manifest, oracle, testbed.synthetic_agents(CPU)))
    assert private.score.tobytes() == clear.score.tobytes()
    assert private.series.hash == clear.series.hash


def test_a_score_of_an_outcome_run_is_added_up_on_shares_between_real_processes(deployed):
    deployment = deployed(HIDDEN, mode="outcome")
    testbed, manifest = deployment.testbed, deployment.testbed.manifest
    private = over_the_network(deployment, lambda part: simulate_scores(manifest, part, testbed.synthetic_agents(CPU)))
    oracle = ClearScores(manifest, testbed.clear_agents(CPU))
    clear = asyncio.run(simulate_scores(manifest, oracle, testbed.synthetic_agents(CPU)))
    assert private.score.tobytes() == clear.score.tobytes()
    assert private.series.hash == clear.series.hash
    assert private.score[0] != 0


def test_backward_goes_through_real_processes(deployed):
    deployment = deployed(ADJOINTS)
    testbed, manifest = deployment.testbed, deployment.testbed.manifest

    def gradient(private):
        synthetic, point = engine_tensors(testbed)
        theta = torch.tensor(point, requires_grad=True)
        counts = mean_counts(private, synthetic, theta)
        return torch.autograd.grad(counts[-1, :, 3].sum() + counts[3, 0, 2], theta)[0]

    async def run(part):
        return await asyncio.to_thread(
            gradient, PrivateAdjoints(manifest.relaxation, Layout.of(manifest), part, asyncio.get_running_loop())
        )

    private = over_the_network(deployment, run)
    clear = asyncio.run(in_the_clear(testbed, gradient))
    assert private.numpy().tobytes() == clear.numpy().tobytes()
    assert (private.abs() > 0).all()


async def in_the_clear(testbed, gradient):
    return await asyncio.to_thread(gradient, private_adjoints(testbed, None))
