"""The score that aggregators add up on shares: its integers, its error, and what is refused or lost on the way."""

import asyncio
import math

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aggregator.on_shares.score import HiddenScore, HiddenScores
from client_sdk import Client, ContactTable
from client_sdk.simulation.own_score import OwnScore
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.score import ClearScores, ScoredAgents, simulate_scores
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import DataError, ParameterError, ProtocolError, Unavailable, WouldWrap
from protocols.models.gradient import Gradient
from protocols.models.likelihood.factors.integer_score import HAZARD_BITS, UNIT, coarse, coarse_factors, terms
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from protocols.task.ranges import Ranges
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase
from protocols.wire.messages import Share
from protocols.wire.transport import Transport

CPU = torch.device("cpu")


@given(st.floats(0, 4))
def test_an_infection_scores_within_the_stated_error(hazard):
    z = round(hazard * 2**HAZARD_BITS)
    x = z / 2**HAZARD_BITS
    exact = x / math.expm1(x) if x else 1.0
    score = int(terms(np.array([z]), np.array([0]), np.array([1]))[0]) / UNIT
    assert abs(score - exact) <= x**4 / 720 + 1e-12


@given(st.floats(0, 30))
def test_an_escape_scores_its_hazard_exactly(hazard):
    z = round(hazard * 2**HAZARD_BITS)
    assert int(terms(np.array([z]), np.array([1]), np.array([0]))[0]) / UNIT == -z / 2**HAZARD_BITS


def test_hazards_are_rounded_to_the_nearest():
    assert coarse(np.array([2**26 - 1, 2**25, 2**25 - 1, 0]), 40).tolist() == [1, 1, 0, 0]
    assert coarse(np.array([3]), 10).tolist() == [48]


@pytest.fixture
def testbed(seir, manifest_of):
    """Return six people in two clients, two of them in contact, in a run whose score is added up on shares."""
    manifest = manifest_of(
        [[1, 2, 3], [4, 5, 6]],
        model=seir(listed=False, beta=(2**38,), initial=2**31),
        steps=5,
        mode="outcome",
        engine=True,
        min_cohort=2,
        gradient=Gradient(way="score", parameters=("scale.infection", "initial")),
    )
    a, b = np.array([0, 1, 2, 3, 0]), np.array([3, 4, 5, 4, 1])
    table = ContactTable(np.zeros_like(a), a, b, np.zeros_like(a), np.ones_like(a))
    return Testbed(manifest, table, np.zeros(0, dtype=np.int64), 0, "drawn", True)


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


def test_a_step_that_too_few_clients_are_in_loses_the_score_for_it_could_be_that_of_one(seir, manifest_of):
    """Three clients, cohorts of two: client-0 and client-1, then client-1 and client-2; one alone is in both."""
    manifest = manifest_of(
        [[1], [2], [3]],
        model=seir(listed=False, beta=(2**39,)),
        steps=1,
        mode="outcome",
        engine=True,
        min_cohort=2,
        gradient=Gradient(way="score", parameters=("scale.infection",)),
    )

    class Zeros:
        calls = 0

        async def compute(self, program, *, kind, round_number):
            Zeros.calls += 1
            return bytes(32), np.zeros(3, dtype=np.uint64)

    async def chain(*cohorts):
        plan, layout = ReleasePlan.of(manifest), Layout.of(manifest)
        scores, content = HiddenScores(manifest.model, plan, layout, Zeros(), index=0, k=2), b""
        for step, members in enumerate(cohorts):
            number = manifest.schedule.number(step, Phase.SPEAK)
            total = np.zeros(Layout.of(manifest).d, dtype=np.uint64)
            _, content = await scores.combine(number, total, members, content)
        hidden = HiddenScore.decode(content, 3)
        return hidden.chain, int(hidden.total[0])

    everybody = ("client-0", "client-1", "client-2")
    assert asyncio.run(chain(everybody, everybody[1:])) == asyncio.run(chain(everybody, everybody[:2]))
    assert Zeros.calls == 2
    lost = {asyncio.run(chain(everybody[:2], everybody[1:])) for _ in range(2)}
    assert Zeros.calls == 2
    assert len({chain for chain, _ in lost}) == len({total for _, total in lost}) == 2


def changed(testbed, **changes):
    return msgspec.structs.replace(testbed.manifest, **changes)


def test_a_client_refuses_contacts_that_could_exceed_the_largest_hazard(testbed):
    gradient = Gradient(way="score", parameters=("scale.infection",), largest_hazard=0.3)
    manifest = changed(testbed, gradient=gradient)
    heavy = Testbed(manifest, testbed.contacts, testbed.cell, 0, "drawn", True).private_state("client-0")
    with pytest.raises(DataError, match="largest hazard"):
        OwnScore(manifest.model, ReleasePlan.of(manifest), Layout.of(manifest), heavy, factors=1)


def test_the_largest_hazard_that_a_client_may_have_is_in_its_range_however_it_is_rounded(testbed, seir):
    beta, f = 3 * 2**24, 40  # 0.75 of the unit on shares, which is rounded to 1
    gradient = Gradient(way="score", parameters=("scale.infection",), largest_hazard=63.9)
    manifest = changed(testbed, model=seir(listed=False, beta=(beta,), f=f), gradient=gradient)
    largest = int(gradient.largest_hazard * 2**f / beta) * int(coarse_factors((beta,), f)[0])
    number = manifest.schedule.number(1, Phase.SPEAK)
    bits = Ranges(manifest).bits("client-0", number)[: Layout.of(manifest).message_words].reshape(6, -1)
    assert bits[0, 1] == largest.bit_length() == 21
    assert bits[0, 2:].tolist() == [1, 1]
    assert not bits[3:, 1:].any()


def test_suppressed_counts_and_gradients_are_not_asked_for_together(testbed):
    with pytest.raises(ParameterError, match="min_count is 3: small counts are suppressed in runs without derivatives"):
        changed(testbed, min_count=3)


@pytest.mark.parametrize(
    ("gradient", "model", "message"),
    [
        ({"parameters": ("contact_rate",)}, {}, "there are scores by infectious_law, initial, latent_law, scale.inf"),
        ({"parameters": ("scale.infection",)}, {"beta": (2**20,)}, "has a coefficient below"),
        ({"parameters": ("scale.infection",), "largest_hazard": 64.0}, {"n": 400_000}, "the score of all agents"),
    ],
)
def test_a_manifest_refuses_scores_that_shares_cannot_carry(testbed, seir, gradient, model, message):
    n = model.pop("n", None)
    given = {"gradient": Gradient(way="score", **gradient)}
    if n is not None:
        given["clients"] = tuple(
            type(client)(client.name, tuple(range(index * n, (index + 1) * n)))
            for index, client in enumerate(testbed.manifest.clients)
        )
        given["max_message"] = 1
    if model:
        given["model"] = seir(listed=False, **model)
    with pytest.raises((ParameterError, WouldWrap), match=message):
        changed(testbed, **given)
