"""Tangents with noise: the clear run's with the aggregators' noises, to the bit, within what each agent may change."""

import asyncio
import dataclasses
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from aggregator.release.noise import ReleaseNoise
from client_sdk import ContactTable
from client_sdk.gradients.tangents import TangentClient
from client_sdk.simulation.exchange import Answer, Exchange
from lpm_secure.audit import privacy_cost
from lpm_secure.calibration.people.noised_part import NoisedPart
from lpm_secure.engine.loop import RemotePart
from lpm_secure.gradients.private.tangents import ClearTangents, simulate_tangents, synthetic_part
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import AnswerLost, ParameterError, RoundClosed
from protocols.models.contribution import NormFilter
from protocols.models.gradient import Gradient
from protocols.releases.ledger import RoundRecord
from protocols.releases.query import NOISE, Release, Releases
from protocols.report.disclosure import describe_releases
from protocols.task.layout import Layout
from protocols.task.parties import ENGINE
from protocols.task.policy import rho_of
from protocols.task.release_plan import ReleasePlan, releases_of

STEPS, NAMES, SIGMA = 6, ("initial", "cell_rate"), 3.0
KEYS = tuple(bytes([index]) * 32 for index in (5, 6))


def noised(name, norms=(1.0, 8.0), **given):
    values = {"times": 3, "norms": norms, "unit": "contribution", "epsilon": 9.0, "delta": 1e-6, "sigma": SIGMA}
    return Release(name=name, mechanism=NOISE, **(values | given))


def both(wide=256.0):
    return noised("incidence", (1.0, wide)), noised("cells", (2.5, wide))


@pytest.fixture
def testbed_of(manifest_of, seir):
    """Return a function that makes 30 people in three clients, whose run takes tangents, with noise as told."""

    def make(each=None, *, clip=256.0, rho=100.0, ends=(0, 10, 20, 30), **changed):
        draw = np.random.default_rng(3)
        given = {"min_cohort": 2, "steps": STEPS, "engine": True, "cells": (150, 150)}
        given["gradient"] = Gradient(way="tangents", parameters=NAMES)
        given["model"] = seir(cell_beta=2**39, initial=2**29, beta=(2**34,))
        clients = [tuple(range(*each)) for each in pairwise(ends)]
        manifest = manifest_of(clients, releases=Releases(each=each or both(clip), rho=rho), **(given | changed))
        day, a, b = (draw.integers(0, high, 60) for high in (1, 30, 30))
        keep = a < b
        table = ContactTable(day[keep], a[keep], b[keep], np.zeros(keep.sum(), dtype=int), np.full(keep.sum(), 5))
        return Testbed(manifest, table, draw.integers(0, 2, 30), 20, "drawn", True)

    return make


def over_clients(testbed, operators_of):
    manifest = testbed.manifest

    async def one(name, operators):
        client = await TangentClient.join_over(
            manifest, testbed.private_state(name), Exchange(manifest, name, operators.transports(name))
        )
        await client.run()

    async def everybody():
        with operators_of(manifest) as operators:
            engine = RemotePart(manifest, operators.transports(ENGINE))
            parts = [one(party.name, operators) for party in manifest.clients]
            return (
                await asyncio.gather(
                    simulate_tangents(manifest.relaxation, ReleasePlan.of(manifest), engine, synthetic_part(testbed)),
                    *parts,
                )
            )[0]

    return asyncio.run(everybody())


def in_the_clear(testbed, keys=KEYS):
    part = ClearTangents(testbed)
    plan, layout = ReleasePlan.of(testbed.manifest), Layout.of(testbed.manifest)
    part = NoisedPart(part, plan, layout, testbed.manifest.model, keys=keys) if keys else part
    return asyncio.run(
        simulate_tangents(testbed.manifest.relaxation, ReleasePlan.of(testbed.manifest), part, synthetic_part(testbed))
    )


@pytest.mark.parametrize("clip", [0.5, 256.0])
def test_noised_tangents_are_the_clear_ones_with_all_noises(testbed_of, operators_of, monkeypatch, clip):
    load = classmethod(lambda cls, plan, layout, *, index, **_: cls(plan, layout, index, KEYS[index]))
    monkeypatch.setattr(ReleaseNoise, "load", load)
    testbed = testbed_of(clip=clip)
    private, clear = over_clients(testbed, operators_of), in_the_clear(testbed)
    assert private.counts.shape == (STEPS + 1, 2, 2, 3)  # who is in the first stage, and who is not, alone
    assert private.counts.tobytes() == clear.counts.tobytes()
    assert private.counts.tobytes() != in_the_clear(testbed, keys=()).counts.tobytes()
    assert (private.counts.sum(axis=2)[:, 0] == [30 * 2**32, 0, 0]).all()


@pytest.mark.parametrize(("clip", "same"), [(256.0, True), (0.5, False)])
def test_a_wide_bound_changes_nothing(testbed_of, clip, same):
    bounded = testbed_of(clip=clip)
    exact = dataclasses.replace(bounded, manifest=msgspec.structs.replace(bounded.manifest, releases=None))
    found, told = (in_the_clear(each, keys=()).counts[:, :, 0] for each in (bounded, exact))
    assert (found.tobytes() == told.tobytes()) is same
    assert found[..., 0].tobytes() == told[..., 0].tobytes()  # values are never clipped here


def test_what_is_told_of_a_run_has_the_noise_of_its_derivatives(testbed_of):
    said = describe_releases(testbed_of((noised("incidence", (0.5, 8.0)), noised("cells", (2.0, 4.0)))).manifest)
    assert said == [
        "departures from S in every step (with noise of sigma 1.5, and 24 in derivatives by each parameter)",
        "cell totals in every step (with noise of sigma 6, and 12 in derivatives by each parameter)",
        "tangents of these (with noise as said there)",
    ]
    exact = msgspec.structs.replace(testbed_of().manifest, releases=None)
    assert describe_releases(exact)[-1] == "tangents of these (exact)"


def test_noise_has_the_full_sigma_in_units_of_what_an_agent_changes(testbed_of):
    manifest = testbed_of().manifest
    incidence = releases_of(manifest).of("incidence")
    keys = (index.to_bytes(32, "big") for index in range(2_000))
    drawn = np.array(
        [ReleaseNoise(ReleasePlan.of(manifest), Layout.of(manifest), 0, key).of(incidence, 2, 3) for key in keys]
    ) / ReleasePlan.of(manifest).units(incidence)
    assert drawn.std(axis=0) == pytest.approx([SIGMA] * 3, rel=0.06)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.08
    cells = ReleaseNoise(ReleasePlan.of(manifest), Layout.of(manifest), 0, KEYS[0]).of(
        releases_of(manifest).of("cells"), 2, 6
    )
    other = ReleaseNoise(ReleasePlan.of(manifest), Layout.of(manifest), 0, KEYS[0]).of(
        releases_of(manifest).of("cells"), 3, 6
    )
    assert len({*cells.tolist(), *other.tolist()}) == 12


@pytest.mark.parametrize("clip", [0.01, 1.0])
def test_all_that_an_agent_adds_has_at_most_the_norm_that_is_covered(testbed_of, clip):
    testbed = testbed_of((noised("incidence", (0.02, clip)), noised("cells", (0.05, clip))))
    agents, bound = ClearTangents(testbed), ReleasePlan.of(testbed.manifest).contribution_bound()
    seen = []
    for step in range(STEPS + 1):
        contribution = bound.contribution(agents.agents, agents.agents.messages())
        if step != 2:  # missed: what is not told is not spent, and departures of then are told later
            bound.spend(contribution)
            seen.append((contribution.departed, contribution.spoken))
        asyncio.run(agents.advance(step, np.full(6, 40 * 2**32, dtype=np.int64)))
    for release, series in zip(testbed.manifest.releases.each, zip(*seen, strict=True), strict=True):
        units = np.array(ReleasePlan.of(testbed.manifest).units(release))[:, None]
        norms = np.sqrt((np.array(series, dtype=np.float64) ** 2).sum(axis=0)) / units
        assert norms.max() <= 1.0
        assert norms[0].max() > 0.99
        assert norms[1:].max() > 0.9 or clip == 1.0


class Rounds:
    """Rounds of one client alone, of which some close without it, or lose answers."""

    def __init__(self, layout, errors):
        self._layout, self._errors, self.counted = layout, errors, []

    async def join(self):
        return 0

    async def round(self, vector, *, step):
        error = self._errors.get(step)
        if error is not RoundClosed:
            self.counted.append(vector.view(np.int64))
        if error is not None:
            raise error("away")
        nothing, heard = (np.full(self._layout.cells, word, dtype=np.int64) for word in (0, 40 * 2**32))
        return Answer(np.zeros(self._layout.c, dtype=np.int64), nothing, heard)


@pytest.mark.parametrize("error", [AnswerLost, RoundClosed])
def test_the_norm_holds_for_what_counted_whose_answers_were_lost(testbed_of, error):
    norms = (0.02, 0.01), (0.05, 0.01)
    testbed = testbed_of((noised("incidence", norms[0]), noised("cells", norms[1])), ends=(0, 1, 15, 30))
    name, layout = testbed.manifest.clients[0].name, Layout.of(testbed.manifest)
    rounds = Rounds(layout, dict.fromkeys((1, 2, 4), error))
    asyncio.run(run_alone(testbed, name, rounds))
    start = layout.n * layout.c
    told = np.array(rounds.counted)[:, start:]
    first = told[:, layout.cells : layout.cells + 3]
    departed = -np.diff(np.concatenate([[[2**32, 0, 0]], first]), axis=0)
    spoken = told[:, : layout.cells].reshape(len(told), -1, 3).sum(axis=1)  # the agent is in one cell
    assert len(told) == (STEPS - 2 if error is RoundClosed else STEPS + 1)
    for release, series in zip(testbed.manifest.releases.each, (departed, spoken), strict=True):
        norm = np.sqrt((series.astype(np.float64) ** 2).sum(axis=0)) / ReleasePlan.of(testbed.manifest).units(release)
        assert 0.9 < norm.max() <= 1.0


async def run_alone(testbed, name, rounds):
    client = await TangentClient.join_over(testbed.manifest, testbed.private_state(name), rounds)
    await client.run()


def test_a_bound_that_is_spent_lets_nothing_through():
    bound = NormFilter(np.array([[5.0]]))
    for words, allowed in ((3, 3), (9, 3), (9, 2), (-9, -1), (1, 1), (1, 0)):
        told = bound.clip(np.array([[words]]))
        assert told[0, 0] == allowed
        bound.spend(told)


def test_the_first_step_costs_all_and_ledger_policy_and_manifest_agree(testbed_of):
    testbed = testbed_of(rho=(3 + 3) / (2 * SIGMA**2))
    manifest = testbed.manifest
    assert rho_of(manifest) == pytest.approx(manifest.releases.rho)
    rounds = [
        RoundRecord(
            number=step, step=step, phase=0, members=(), refused=(), releases=ReleasePlan.of(manifest).records(step)
        )
        for step in range(STEPS + 1)
    ]
    for made in (1, STEPS + 1):
        cost = privacy_cost.joint(rounds[:made])
        assert cost.rho == pytest.approx(manifest.releases.rho)
        assert cost.exact == ()
    assert in_the_clear(testbed).counts.size


@pytest.mark.parametrize(
    ("each", "said"),
    [
        ((Release(name="tally"), noised("cells")), "release incidence"),
        ((noised("running"), noised("cells")), "release incidence"),
        ((noised("incidence"), Release(name="cells")), "cells is released exact beside noised derivatives"),
        ((noised("incidence", times=1), noised("cells")), "by 2 parameters: give norms, set times to 3"),
        ((noised("incidence", msgspec.UNSET), noised("cells")), "sigma of incidence counts in the norms"),
        ((noised("incidence"), noised("cells", sensitivity=2)), "sensitivity to 1"),
    ],
)
def test_noise_that_does_not_cover_tangents_is_refused(testbed_of, each, said):
    with pytest.raises(ParameterError, match=said):
        testbed_of(each)


def test_norms_are_of_tangents_alone(testbed_of):
    with pytest.raises(ParameterError, match="norms of incidence are of runs with tangents"):
        testbed_of((noised("incidence"), Release(name="cells")), gradient=None)
