"""The score of a private run, and what of it is lost with whom."""

import asyncio

import numpy as np
import pytest
import torch

from client_sdk import Client, ContactTable
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.score import ClearScores, ScoredAgents, simulate_scores
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ProtocolError, Unavailable
from protocols.models.gradient import Gradient
from protocols.models.likelihood.factors.integer_score import UNIT, terms
from protocols.task.parties import ENGINE
from protocols.task.rounds import Phase
from protocols.wire.messages import Share
from protocols.wire.transport import Transport
from tests.hidden_scores import hidden_score_testbed

CPU = torch.device("cpu")


@pytest.fixture
def testbed(seir, manifest_of):
    return hidden_score_testbed(seir, manifest_of)


class Broken:
    """A backend of one aggregator whose second computation is lost after the others have made theirs."""

    def __init__(self, inner):
        self.inner, self.calls = inner, 0

    async def compute(self, program, *, kind, round_number):
        result = await self.inner.compute(program, kind=kind, round_number=round_number)
        self.calls += 1
        if self.calls == 2:
            raise Unavailable("a connection failed")
        return result


class Late(Transport):
    """Brings what is spoken in one step only when its round has closed everywhere."""

    def __init__(self, inner, runs, step):
        self._inner, self._runs, self._step = inner, runs, step

    async def call(self, request, *, timeout_s):
        if isinstance(request, Share) and (request.step, request.phase) == (self._step, Phase.SPEAK):
            while any(run.round.number <= 1 + 2 * self._step for run in self._runs):
                await asyncio.sleep(0.002)
        return await self._inner.call(request, timeout_s=timeout_s)


def run(testbed, operators_of, breaks, late=None):
    manifest = testbed.manifest

    async def one(name, operators):
        transports = operators.transports(name)
        if late is not None and name == "client-1":
            transports = [Late(inner, operators.runs, late) for inner in transports]
        await (await Client.join(manifest, testbed.private_state(name), transports)).run()

    async def everybody():
        with operators_of(manifest) as operators:
            if breaks:
                scores = operators.runs[1]._joint.scores
                scores._backend = Broken(scores._backend)
            part = RemotePart(manifest, operators.transports(ENGINE))
            parts = [one(party.name, operators) for party in manifest.clients]
            return (await asyncio.gather(simulate_scores(manifest, part, testbed.synthetic_agents(CPU)), *parts))[0]

    return asyncio.run(everybody())


def test_a_lost_multiplication_loses_the_score_and_says_so(testbed, operators_of):
    with pytest.raises(ProtocolError, match="could not add up the score"):
        run(testbed, operators_of, breaks=True)


def test_without_a_failure_the_same_run_has_its_score(testbed, operators_of):
    found = run(testbed, operators_of, breaks=False)
    oracle = ClearScores(testbed.manifest, testbed.clear_agents(CPU))
    clear = asyncio.run(simulate_scores(testbed.manifest, oracle, testbed.synthetic_agents(CPU)))
    assert found.score.tolist() == clear.score.tolist()
    assert found.score[0] != 0


def scores_without(testbed, late):
    """Return the score that is told and the one that is left out when client-1 is late once, in units of 1 / UNIT.

    None where the client's agents are infected in that step: then the delay would change the run.
    """
    scored, mine = ScoredAgents(testbed.manifest.require_gradient(), testbed.clear_agents(CPU)), np.arange(8) // 3 == 1
    told, left_out = 0, 0
    for step in range(testbed.manifest.steps):
        scored.update(np.zeros(0, dtype=np.int64), step=step)
        z, escaped, crossed = scored.scores.hazards[:, :, 0]
        if step == late and (crossed & mine).any():
            return None
        each = terms(z, escaped, crossed)
        away = mine & (late in (step, step + 1))
        told, left_out = told + int(each[~away].sum()), left_out + int(each[away].sum())
    return (told, left_out) if left_out else None


@pytest.mark.parametrize("late", [0, 2, 5])
def test_what_a_client_missed_is_left_out_of_the_score_and_nothing_else_is(seir, manifest_of, operators_of, late):
    """Three clients whose agents meet only each other, so that an absence changes the score and no state."""
    a, b = np.array([0, 1, 3, 4, 5, 6]), np.array([1, 2, 4, 5, 3, 7])
    table = ContactTable(np.zeros_like(a), a, b, np.zeros_like(a), np.ones_like(a))
    given = {
        "model": seir(listed=False, beta=(2**39,), initial=2**31),
        "steps": 5,
        "mode": "outcome",
        "engine": True,
        "min_cohort": 2,
        "round_timeout_s": 1.0,
        "join_timeout_s": 1.0,
        "gradient": Gradient(way="score", parameters=("scale.infection",)),
    }
    drawn = (manifest_of([[1, 2, 3], [4, 5, 6], [7, 8]], testbed_seed=seed, **given) for seed in range(100))
    testbeds = (Testbed(manifest, table, np.zeros(0, dtype=np.int64), 0, "drawn", True) for manifest in drawn)
    testbed = next(each for each in testbeds if scores_without(each, late) is not None)
    told, left_out = scores_without(testbed, late)
    found = run(testbed, operators_of, breaks=False, late=late)
    assert found.score[0] == told / UNIT
    assert left_out != 0
