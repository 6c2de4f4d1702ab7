"""The score is an unbiased gradient of the discrete epidemic: against finite differences with common random numbers.

One clear run holds thousands of small populations that never meet, each an independent run of its own.
"""

import msgspec
import numpy as np
import pytest

from client_sdk import ContactTable
from lpm_secure.engine.graph_population import GraphPopulation
from lpm_secure.gradients.private.score import ScoredAgents
from protocols.models.agent_model import AgentSource
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.task.parties import ClientParty
from tests.statistical.private_scores import gradient_of

SIZE, COPIES, STEPS = 6, 12_000, 8
N = SIZE * COPIES
LAW = (2**30, 2**30, 2**31)
TILT = (-0.5 * 2**30, -0.5 * 2**30, 2**30)  # weights that move with the mean; they add up to nothing
NAMES = ("contact_rate", "contact_rate_001", "cell_rate", "latent_law", "infectious_law", "initial")


@pytest.fixture(scope="module")
def manifest(seir, manifest_of):
    """Return the manifest of all populations at once, in two clients."""
    gradient = Gradient(way="score", parameters=NAMES, slopes={"latent_law": TILT, "infectious_law": TILT})
    model = seir(listed=False, beta=(2**27, 2**26), cell_beta=2**27, latent=LAW, infectious=LAW, initial=2**30, f=30)
    return msgspec.structs.replace(
        manifest_of([[0], [1]], model=model, steps=STEPS, cells=(SIZE,), min_cohort=2, gradient=gradient),
        clients=(ClientParty("left", tuple(range(N // 2))), ClientParty("right", tuple(range(N // 2, N)))),
        cells=(SIZE,) * COPIES,
    )


def outputs_and_scores(manifest):
    """Return each population's number of recovered, float64[copies, 1], and its score, float64[copies, p]."""
    first = np.arange(COPIES) * SIZE
    near = np.concatenate([np.stack([first + i, first + (i + 1) % SIZE]) for i in range(SIZE)], axis=1)
    far = np.stack([first, first + 3])
    a, b = np.concatenate([near, far], axis=1)
    channel = np.repeat([0, 1], [near.shape[1], far.shape[1]])
    table = ContactTable(np.zeros_like(a), a, b, channel, np.where(channel, 3, 1))
    source = AgentSource(np.arange(N, dtype=np.uint64), (11, 12))
    agents = GraphPopulation(manifest.dynamics, source, cell=np.arange(N) // SIZE, contacts=table)
    scored = ScoredAgents(manifest.require_gradient(), agents)
    for step in range(STEPS):
        scored.update(agents.cell_totals(), step=step)
    recovered = (agents.state["stage"] == 3).reshape(COPIES, SIZE).sum(axis=1)
    return recovered[:, None].astype(float), scored.scores.each().reshape(-1, COPIES, SIZE).sum(axis=2).T


def moved(model, name, by):
    """Return the model with one parameter moved."""
    before = model.parameters[name]
    after = before + round(by * 2 ** (32 if name == "initial" else 30)) if isinstance(before, int) else None
    law = tuple(round(weight + by * slope) for weight, slope in zip(LAW, TILT, strict=True))
    return GraphModel(model.graph, model.parameters | {name: law if after is None else after})


@pytest.fixture(scope="module")
def estimate(manifest):
    """Return the score estimate of every derivative, and its standard error."""
    value, error = gradient_of(*outputs_and_scores(manifest))
    return value[0], error[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_unbiased(manifest, estimate, name):
    step = 0.25 if name.endswith("_law") else 0.02
    up, down = (
        outputs_and_scores(msgspec.structs.replace(manifest, model=moved(manifest.model, name, sign * step)))[0]
        for sign in (1, -1)
    )
    difference = (up - down)[:, 0] / (2 * step)
    truth, truth_error = difference.mean(), difference.std() / np.sqrt(COPIES)
    value, error = (each[NAMES.index(name)] for each in estimate)
    assert abs(value - truth) < 4 * np.hypot(error, truth_error)
    assert abs(truth) > 4 * error  # otherwise the test could not fail


def test_the_mean_of_the_score_is_zero(manifest):
    _, scores = outputs_and_scores(manifest)
    error = scores.std(axis=0) / np.sqrt(COPIES)
    assert (np.abs(scores.mean(axis=0)) < 4 * error).all()
